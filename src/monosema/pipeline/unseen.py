"""Held-out documents for ground truth: those of a study, and what it did not take of the bundled library.

Where a tenth of the text is held out, most concepts have too few documents in it. The library holds more text than a
study mostly takes; what was not taken was never trained on. Documents are known by their contents, so that none that
was taken comes back under another name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from monosema.corpora import Document, Tokens, load_concepts, read_documents, write_tokens
from monosema.corpora.document import order_key
from monosema.corpora.mentions import mark_mentions
from monosema.evaluation.tagged import FEWEST, HELD_OUT, TAG
from monosema.models import load_tokenizer
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.work import Work, names_of_tokens

LIBRARY = "world:library"
MOST_FURTHER = 2500
"""Documents that a study did not take, about 160 tokens each."""
OF_A_CONCEPT = 16
"""Held-out documents that each concept is brought up to: some to match on and some to score on."""
ONLY_REPORT = (0.0, 0.0, 0.0, 1.0)


def has_unseen(study: OpenStudy, sae: str) -> bool:
    """Whether an SAE was trained here from its beginning, on the library alone, and on that as it is now."""
    work, asked = Work(study), study.asked_sae(sae)
    if asked.given or asked.start or work.asked.corpora[asked.place.corpus].sources != (LIBRARY,):
        return False
    made_from = study.open("tokens", asked.tokens, verify=False).manifest.asked["text"]
    return bool(made_from == work.text_digest(asked.place.corpus))


def unseen_tokens(study: OpenStudy, name: str, tokens: Tokens, folder: Path, seed: int) -> Tokens:
    """All that was held out of tokens of the library and what these did not take, encoded as they are."""
    work = Work(study)
    settings = replace(work.corpus(name), tokens=None, shares=ONLY_REPORT)
    taken = {entry.hash: entry.split for entry in tokens.documents(range(tokens.n_documents))}
    documents = unseen(read_documents(replace(settings, concepts=None), study.path), taken, seed)
    tokenizer = load_tokenizer(work.source(names_of_tokens(name)[1]))
    place = folder / "unseen"
    place.mkdir(exist_ok=True)
    write_tokens(place, _marked(documents, settings.concepts, study.path), tokenizer, settings)
    return Tokens(place, verify=False)


def _marked(documents: Iterable[Document], concepts: str | None, base: Path) -> Iterable[Document]:
    """With a span at every name, where the corpus has them."""
    return documents if concepts is None else mark_mentions(documents, load_concepts(concepts, base))


def unseen(documents: Iterable[Document], taken: Mapping[bytes, str], seed: int) -> list[Document]:
    """The documents that a study held out, and of those that it did not take some of each concept.

    `taken`: content hash and split. Concepts with the most documents come first, up to `MOST_FURTHER` documents;
    those that cannot be scored with all of theirs get none.
    """
    by_hash = {one.hash: one for one in documents}
    held = [one for key, one in by_hash.items() if taken.get(key) in HELD_OUT]
    free: dict[str, list[Document]] = defaultdict(list)
    for key in sorted(by_hash.keys() - taken.keys(), key=lambda key: order_key(key, seed)):
        if TAG in by_hash[key].tags:
            free[str(by_hash[key].tags[TAG])].append(by_hash[key])
    had = Counter(str(one.tags[TAG]) for one in held if TAG in one.tags)
    count = {name: had[name] + len(some) for name, some in free.items()}
    further = [
        document
        for name in sorted(count, key=lambda name: (-count[name], name))
        if count[name] >= FEWEST
        for document in free[name][: max(OF_A_CONCEPT - had[name], 0)]
    ]
    return held + further[:MOST_FURTHER]
