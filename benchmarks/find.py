"""Is the feature of a concept among the first five that are found for it?

    python -m benchmarks.find --study FOLDER --json

The feature of a concept is the one whose firings its mentions tell best (F1 over all text of the index); a concept
has one where that F1 is at least `HAS`. It is searched by:

planted_words            the concept's name among names by rule, tokens and tags of features. Tags are columns of that
                         search and one of the rules of names, so that this says how well marked text is found again
planted_words_untagged   the same among the words that these features would have had no text been marked
planted_texts            three sentences that name it, and none of the same three with another concept of its category
planted_texts_first      the same, and it is the very first that is found
planted_token            the last token of its name in one of these sentences

The last four know nothing of tags.

Each is the share of concepts with a feature whose feature stands in the top 5; `*_sure`: of those with an F1 of .5 or
more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.harness import arguments, report
from monosema import pipeline
from monosema.errors import UsageError
from monosema.index import Candidate, FeatureIndex, describe, search_words
from monosema.index.tags import TagPairs, TagStatistics
from monosema.pipeline import OpenStudy
from monosema.world import Catalogue, Concept

TARGETS = {"planted_words": (">=", 0.8), "planted_texts": (">=", 0.8)}
HAS, SURE = 0.3, 0.5
TOP = 5
FEWEST = 20
"""Mentions below which a concept is left out: its best F1 is chance."""
SEED = 20261121
SENTENCES = (
    "Yesterday I read a long article about {}.",
    "She told me everything that she knows about {}.",
    "If you ask me, {} is worth a closer look.",
)


def planted(index: FeatureIndex) -> dict[str, tuple[int, float]]:
    """The best feature of each tag that is mentioned often enough, and its F1."""
    fired, found = index.table["count"], {}
    for number, tag in enumerate(index.tags.tags):
        mentions = int(index.tags.rows[number])
        if mentions < FEWEST:
            continue
        f1 = 2 * index.tags.counts(number) / np.maximum(fired + mentions, 1)
        found[tag] = (int(f1.argmax()), float(f1.max()))
    return found


def write_untagged(index: FeatureIndex, folder: Path) -> None:
    """Write the words into a folder that the features of `index` would have had no text been marked.

    Its tags are gone afterwards.
    """
    no_number, no_count = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    pairs = TagPairs(no_number, no_number, no_count, np.zeros(0))
    index.tags = TagStatistics((), no_count, pairs, index.d_sae)
    describe(folder, index)


def sentences(concept: Concept) -> list[str]:
    """What names a concept."""
    return [sentence.format(concept.topic) for sentence in SENTENCES]


def ways(
    study: OpenStudy, sae: str, untagged: Path, concept: Concept, other: Concept
) -> dict[str, Callable[[], list[Candidate]]]:
    """How the feature of a concept is looked for; `untagged`: folder of the words without tags."""
    told = sentences(concept)
    alone = told[0].removesuffix(".")  # ends with the name
    return {
        "words": lambda: pipeline.find(study, text=concept.name, sae=sae, n=TOP),
        "words_untagged": lambda: search_words(untagged, concept.name, TOP),
        "texts": lambda: pipeline.find(study, on=told, off=sentences(other), sae=sae, n=TOP),
        "texts_first": lambda: pipeline.find(study, on=told, off=sentences(other), sae=sae, n=1),
        "token": lambda: pipeline.find(study, at=alone, sae=sae, n=TOP),
    }


def found(way: Callable[[], list[Candidate]], feature: int) -> bool:
    """Whether a way to look finds a feature; a way that finds nothing does not."""
    try:
        return feature in {one.feature for one in way()}
    except UsageError:
        return False


def run(folder: Path, sae: str, untagged: Path) -> tuple[dict[str, float], dict[str, object]]:
    """Figures, and what was found of each concept; words without tags are written into the folder `untagged`."""
    study, catalogue = pipeline.open_study(folder), Catalogue.load()
    write_untagged(study.index(sae), untagged)
    rng, each = random.Random(SEED), {}
    for tag, (feature, f1) in planted(study.index(sae)).items():
        if tag not in catalogue or f1 < HAS:
            continue
        concept = catalogue[tag]
        others = [one for one in catalogue.categories[concept.category] if one.id != tag]
        looks = ways(study, sae, untagged, concept, rng.choice(others))
        each[tag] = {"feature": feature, "f1": f1} | {
            name: found(way, feature) for name, way in looks.items()
        }
    figures: dict[str, float] = {"concepts": len(each)}
    for name in ("words", "words_untagged", "texts", "texts_first", "token"):
        for kind, least in (("", HAS), ("_sure", SURE)):
            hits = [one[name] for one in each.values() if one["f1"] >= least]
            figures[f"planted_{name}{kind}"] = float(np.mean(hits)) if hits else 0.0
    return figures, {"concepts": each}


def main() -> None:
    """Read the arguments."""
    parser = arguments(__doc__)
    parser.add_argument("--study", type=Path, required=True, help="folder of a study with an index")
    parser.add_argument("--sae", default="main", help="name among [saes] of study.toml")
    options = parser.parse_args()
    start = time.monotonic()
    with TemporaryDirectory() as untagged:
        figures, details = run(options.study, options.sae, Path(untagged))
    report("find", figures, TARGETS, time.monotonic() - start, as_json=options.json, details=details)


if __name__ == "__main__":
    main()
