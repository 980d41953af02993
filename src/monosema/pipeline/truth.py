"""`groundtruth`: which concepts have a feature, kept in the study.

What the evaluation room may not make is made here from the catalogue that marks the text: descriptions that never name
their thing, and questions about facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monosema.activations import derive_seed
from monosema.artifact import MANIFEST
from monosema.corpora import CorpusSettings, Document, Span, Tokens, load_concepts, write_tokens
from monosema.corpora.mentions import concepts_identity
from monosema.errors import UsageError
from monosema.evaluation import OF_HELD_OUT_TEMPLATE, Question, scorable
from monosema.evaluation import groundtruth as score_concepts
from monosema.files import digest_file, digest_json, read_json, write_json
from monosema.pipeline.asked import read_asked
from monosema.pipeline.explore import model_of
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.unseen import MOST_FURTHER, ONLY_REPORT, has_unseen, unseen_tokens
from monosema.pipeline.work import Work
from monosema.progress import Reporter
from monosema.world import Catalogue, Concept
from monosema.world.grammar import compose
from monosema.world.grammar.facts import answer
from monosema.world.tables import Data

RECORD = "groundtruth.json"
MOST_DESCRIPTIONS = 3000
"""Descriptions that are run through the model, about 60 tokens each."""
A_SIDE, FEWEST_A_SIDE = 8, 4
"""Descriptions of a concept from held-out templates, and as many from others; fewer where concepts are many."""
TRIES = 200
"""Documents composed in search of a concept's descriptions: a quarter is in other languages, a quarter held out."""
MOST_FACTS = 400
"""Facts that the model is asked for."""
TEMPLATES = (
    ("unnamed.toml", "monosema.world.grammar"),
    ("facts.toml", "monosema.world.grammar"),
    ("relations.toml", "monosema.world"),
)
"""Data files that descriptions and questions are made from, beside the catalogue, and their packages."""
ABOUT = "about:"
"""What stands before the concept in the tag of a span that describes it."""
LONGEST_ANSWER = 3
"""Words; longer answers can be said in too many ways."""


def groundtruth(
    study: OpenStudy, *, sae: str = "main", remake: bool = False, reporter: Reporter | None = None
) -> dict[str, Any]:
    """The record of every concept that could be scored: read where it is fresh, else made and kept."""
    settings = read_asked(study.settings, study.path)
    asked_sae = study.asked_sae(sae)
    place = study.place("groundtruth", sae)
    corpus = settings.corpora[asked_sae.place.corpus]
    marked_by = corpus.concepts or "world"
    asked = _asked(study, sae, marked_by)
    parents = {
        f"{kind}/{name}": study.open(kind, name, verify=False).hash
        for kind, name in (("sae", sae), ("tokens", asked_sae.tokens), ("plan", asked_sae.place.model))
    }
    if not remake and study.status("groundtruth", sae, asked, parents).state == "fresh":
        return read_json(study.open("groundtruth", sae).path / RECORD)
    catalogue = load_concepts(marked_by, study.path)
    model, tokens, autoencoder = model_of(study, sae), study.tokens(sae), study.sae(sae)
    seed = derive_seed(settings.seed, f"groundtruth/{sae}")
    tokens_per_batch = Work(study).plan(asked_sae.place.model).tokens_per_batch
    with study.making(
        "groundtruth", "groundtruth", sae, asked=asked, parents=parents, seed=settings.seed
    ) as draft:
        ids = [concept.id for concept in catalogue]
        held_out = (
            unseen_tokens(study, asked_sae.tokens, tokens, draft.scratch, seed) if asked["further"] else None
        )
        named = scorable(tokens if held_out is None else held_out, ids)
        chosen = [catalogue[name] for name in named if name in catalogue]
        documents = list(descriptions(chosen, seed))
        as_descriptions = CorpusSettings(
            sources=("descriptions",), context=tokens.context, bos=corpus.bos, shares=ONLY_REPORT
        )
        found = score_concepts(
            model,
            autoencoder,
            tokens,
            concepts=ids,
            held_out=held_out,
            described=_written(draft.scratch, documents, model.tokenizer, as_descriptions),
            questions=questions(catalogue, seed),
            alive=None if asked["alive"] is None else round(asked["alive"] * autoencoder.d_sae),
            tokens_per_batch=tokens_per_batch,
            seed=seed,
            reporter=reporter,
        )
        write_json(draft.path / RECORD, found.to_dict())
        draft.measured |= {"shown_share": found.shown_share, "documents": found.documents}
    return read_json(place / RECORD)


def _asked(study: OpenStudy, sae: str, marked_by: str) -> dict[str, Any]:
    """What matters besides the parents; of a catalogue whose folder is gone, what the record was made with."""
    marks = concepts_identity(marked_by, study.path)
    if marks is None and (study.place("groundtruth", sae) / MANIFEST).is_file():
        return study.open("groundtruth", sae, verify=False).manifest.asked
    templates = [Data.read(name, package).path for name, package in TEMPLATES]
    return {
        "concepts": digest_json(marks),
        "templates": digest_json([(path.name, digest_file(path)) for path in templates]),
        "alive": _alive_share(study, sae),
        "further": MOST_FURTHER if has_unseen(study, sae) else 0,
        "descriptions": MOST_DESCRIPTIONS,
        "facts": MOST_FACTS,
    }


def _alive_share(study: OpenStudy, sae: str) -> float | None:
    """Share of the features that were alive at the end of the training; of a given SAE: in its index, if any."""
    made = study.open("sae", sae, verify=False)
    if "dead" in made.manifest.measured:  # a given SAE has only the share of a short check
        return 1.0 - float(made.manifest.measured["dead_share"])
    if not (study.place("index", sae) / MANIFEST).is_file():
        return None
    index = study.open("index", sae, verify=False).manifest
    return float(index.measured["alive_share"]) if index.parents.get(f"sae/{sae}") == made.hash else None


def descriptions(concepts: Sequence[Concept], seed: int) -> Iterator[Document]:
    """English documents that describe concepts and never name them, half of them of held-out templates.

    At most `MOST_DESCRIPTIONS`: where concepts are too many, fewer of each, then only the first of them. All concepts
    get the same frames, so that no frame tells a concept.
    """
    a_side = min(A_SIDE, max(FEWEST_A_SIDE, MOST_DESCRIPTIONS // (2 * max(len(concepts), 1))))
    for concept in concepts[: MOST_DESCRIPTIONS // (2 * a_side)]:
        sides: dict[bool, dict[str, tuple[Span, ...]]] = {False: {}, True: {}}
        for text, spans, held_out in _described(concept, seed):
            if len(sides[held_out]) < a_side:
                sides[held_out][text] = spans
        if all(sides.values()):
            for held_out, texts in sides.items():
                for number, (text, spans) in enumerate(texts.items()):
                    yield Document(
                        id=f"{concept.id}:{held_out}:{number}",
                        text=text,
                        tags={"concept": concept.id, OF_HELD_OUT_TEMPLATE: held_out},
                        spans=spans,
                    )


def _described(concept: Concept, seed: int) -> Iterator[tuple[str, tuple[Span, ...], bool]]:
    """Text, where it describes the concept, whether its template is held out; nothing where all of it names that."""
    try:
        composed = compose(Catalogue([concept]), seed=seed, documents=TRIES, makers=["unnamed"])
    except UsageError:  # the maker lacks descriptions
        return
    for one in composed:
        if one.tags["language"] == "en":
            spans = tuple(
                Span(start, end, concept.id) for start, end, tag in one.spans if tag == ABOUT + concept.id
            )
            yield one.text, spans, one.held_out


def _written(
    folder: Path, documents: Sequence[Document], tokenizer: Any, settings: CorpusSettings
) -> Tokens | None:
    """The tokens of descriptions, all in split report; None where there is none."""
    if not documents:
        return None
    place = folder / "described"
    place.mkdir(exist_ok=True)
    write_tokens(place, documents, tokenizer, settings)
    return Tokens(place, verify=False)


def questions(catalogue: Catalogue, seed: int) -> list[Question]:
    """Facts as beginnings of statements that end where the answer belongs, the relations taking turns.

    Left out are answers of more than three words and those that the beginning gives away.
    """
    rng = random.Random(seed)
    skip = Data.read("facts.toml").strings("skip")
    turns: list[list[Question]] = []
    for relation, table in Data.read("relations.toml", "monosema.world").groups():
        beginnings = [text.partition("{o}")[0].rstrip() for text in table.strings("statement")]
        asked = [
            _question(catalogue, concept, relation, rng.choice(beginnings))
            for concept in catalogue
            if concept.category not in skip and beginnings
        ]
        turns.append([one for one in asked if one is not None])
        rng.shuffle(turns[-1])
    longest = max(map(len, turns), default=0)
    in_turn = [asked[number] for number in range(longest) for asked in turns if number < len(asked)]
    return in_turn[:MOST_FACTS]


def _question(catalogue: Catalogue, concept: Concept, relation: str, beginning: str) -> Question | None:
    reached = answer(catalogue, concept, (relation,))
    if reached is None:
        return None
    names = reached.names["en"] if isinstance(reached, Concept) else (reached,)
    prompt = beginning.replace("{s}", concept.topic)
    plain = tuple(_without_article(name) for name in names)
    given_away = any(name.lower() in prompt.lower() for name in plain)
    if given_away or len(plain[0].split()) > LONGEST_ANSWER:
        return None
    return Question(relation=relation, prompt=prompt, answers=plain)


def _without_article(name: str) -> str:
    first, _, rest = name.partition(" ")
    return rest if rest and first.lower() in ("the", "a", "an") else name
