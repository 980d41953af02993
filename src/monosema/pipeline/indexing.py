"""How an index is made: over the text that an SAE was trained on, and over further corpora that it names.

An index that is remade with a corpus more takes over the segments that it had; only the new text is run, and what a
damaged segment held.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import partial
from itertools import takewhile

from monosema.activations import ActivationStore, JoinedRows, LiveRows, RowSource, StoreRows, derive_seed
from monosema.artifact import MANIFEST, Artifact, Draft
from monosema.corpora import Documents, JoinedTokens, Tokens
from monosema.files import read_json
from monosema.index import make_index as collect_index
from monosema.index.index import RECORD, SEGMENTS, VERSION
from monosema.index.segment import files_of
from monosema.pipeline.work import Work
from monosema.sae import SAE


def make_index(work: Work, name: str, draft: Draft) -> None:
    """Index every feature of one SAE."""
    asked = work.asked.saes[name]
    sae, model, tokens = work.sae(name), work.model(asked.place.model), _tokens(work, name)
    sources = _sources(work, name, tokens, until=None)
    _take_over(work, name, draft, [source.tasks for source in sources])
    documents = joined(tokens)
    at = work.asked.store_at(asked.activations)
    draft.measured |= collect_index(
        draft.path,
        model,
        sae,
        documents,
        _one_after_other(sources, documents),
        seed=derive_seed(work.asked.seed, f"index/{name}"),
        reporter=work.reporter,
        crew=work.crew(partial(_opened, name=name), f"index/{name} is collected from activations", [at]),
    )


def _opened(work: Work, *, name: str) -> tuple[SAE, RowSource]:
    """What a worker needs to write segments; of the model the layers up to the hook point, where it needs one."""
    place, tokens = work.asked.saes[name].place, _tokens(work, name)
    work.use_threads(work.plan(place.model))
    sources = _sources(work, name, tokens, until=place.at)
    return work.sae(name), _one_after_other(sources, joined(tokens))


def _tokens(work: Work, name: str) -> list[Tokens]:
    return [work.tokens(one) for one in work.asked.saes[name].indexed_tokens]


def _sources(work: Work, name: str, tokens: Sequence[Tokens], *, until: str | None) -> list[RowSource]:
    """Rows of each corpus that is indexed: those that are kept, the others from the model up to `until`."""
    asked = work.asked.saes[name]
    folder = work.artifact("activations", asked.activations).path
    kept: list[RowSource] = []
    if read_json(folder / "choice.json")["stored"]:
        kept.append(StoreRows(ActivationStore(folder)))
    plan = work.plan(asked.place.model)
    return kept + [
        LiveRows(
            work.model(asked.place.model, until=until),
            one,
            asked.place.at,
            split="train",
            tokens_per_batch=plan.tokens_per_batch,
        )
        for one in tokens[len(kept) :]
    ]


def _one_after_other(sources: Sequence[RowSource], documents: Documents) -> JoinedRows:
    return JoinedRows(sources, documents.starts if isinstance(documents, JoinedTokens) else [0])


def joined(tokens: Sequence[Tokens]) -> Documents:
    """The documents of an index."""
    return tokens[0] if len(tokens) == 1 else JoinedTokens(tokens)


def _take_over(work: Work, name: str, draft: Draft, tasks: Sequence[int]) -> None:
    """Link the segments of an earlier index of the same SAE for the corpora that both begin with.

    What is missing of them is left out; collecting holds those that are there against their hashes.
    """
    place = work.study.place("index", name)
    if draft.resumed or not (place / MANIFEST).is_file():
        return
    before = Artifact.open(place, kind="index", verify=False)
    names = work.asked.saes[name].indexed_tokens
    parents = before.manifest.parents
    had = [
        names[0],
        *(f"{one}.{names[0].partition('.')[2]}" for one in before.manifest.asked.get("indexed", [])),
    ]

    def same(pair: tuple[str, str]) -> bool:
        return (
            pair[0] == pair[1] and parents.get(f"tokens/{pair[0]}") == work.artifact("tokens", pair[0]).hash
        )

    common = len(list(takewhile(same, zip(names, had, strict=False))))
    of_same_sae = parents.get(f"sae/{name}") == work.artifact("sae", name).hash
    if not (common and of_same_sae and read_json(place / RECORD).get("version") == VERSION):
        return
    (draft.path / SEGMENTS).mkdir(exist_ok=True)
    for number in range(sum(tasks[:common])):
        files = files_of(place / SEGMENTS, number)
        if all(file.is_file() for file in files):
            for file in files:
                _link(file, draft.path / SEGMENTS / file.name)


def _link(source: os.PathLike[str], target: os.PathLike[str]) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
