"""Words for every feature, written at the end of an index: names by rule, and what can be searched for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from monosema.errors import DamagedError
from monosema.index.evidence import Evidence, evidence
from monosema.index.find import FEWEST
from monosema.index.index import FeatureIndex
from monosema.index.naming import A_PERSON, OWN, Name, name_of
from monosema.index.spelling import spoken
from monosema.index.table import write_columns
from monosema.index.tags import TagStatistics
from monosema.index.words import Words, write_words

NAMES = "names.parquet"


def describe(folder: Path, index: FeatureIndex) -> None:
    """Name every feature of `index` by rule and write `names.parquet` and `words.sqlite` into `folder`.

    Memory: that of `evidence`, and some 200 bytes a feature for its name.
    """
    inside = tags_inside(index.tags, index.table["count"])
    names: list[Name] = []

    def words() -> Iterator[Words]:
        for feature, known in enumerate(evidence(index)):
            names.append(name_of(known))
            yield _words(names[-1], known, inside.get(feature, ()))

    write_words(folder, words())
    write_names(folder, names)


def tags_inside(tags: TagStatistics, count: Int[np.ndarray, " F"]) -> dict[int, list[str]]:
    """The tags that hold at least half of a feature's firings; features without any are left out."""
    found: dict[int, list[str]] = {}
    for number, tag in enumerate(tags.tags):
        inside = tags.counts(number)
        for feature in np.flatnonzero((2 * inside >= count) & (inside >= FEWEST)).tolist():
            found.setdefault(feature, []).append(tag)
    return found


def _words(name: Name, known: Evidence, tags: Sequence[str]) -> Words:
    fires = dict.fromkeys(spoken(token) for token, _ in known.tokens)
    return Words(
        name=name.text,
        fires=(*fires, *known.pairs),
        promotes=tuple(dict.fromkeys(spoken(token) for token in known.promoted)) if known.count else (),
        tags=tuple(tags),
    )


def write_names(folder: Path, names: Iterable[Name]) -> None:
    """Write the names of all features, in the order of their numbers."""
    rows = list(names)
    columns = {
        "feature": pa.array(np.arange(len(rows), dtype=np.int32)),
        "name": pa.array([one.text for one in rows], pa.string()),
        "confidence": pa.array([one.confidence for one in rows], pa.float32()),
        "rule": pa.array([one.rule for one in rows], pa.string()),
    }
    write_columns(folder / NAMES, columns)


class Names(Sequence[Name]):
    """The names of all features, by their numbers."""

    def __init__(self, table: Any, own: Mapping[int, str] | None = None) -> None:
        """Made by `read_names` and `with_own`."""
        self._table, self._own = table, own or {}
        self._text, self._confidence, self._rule = (table[name] for name in ("name", "confidence", "rule"))

    def with_own(self, own: Mapping[int, str]) -> Names:
        """The same names, but for the features that people have given one of their own."""
        return Names(self._table, own)

    def by_rule(self, feature: int) -> Name:
        """What the rules alone call a feature."""
        if not 0 <= feature < len(self):
            raise IndexError(feature)
        return Name(
            text=self._text[feature].as_py(),
            confidence=self._confidence[feature].as_py(),
            rule=self._rule[feature].as_py(),
        )

    def __len__(self) -> int:
        return len(self._text)

    @overload
    def __getitem__(self, feature: int) -> Name: ...

    @overload
    def __getitem__(self, feature: slice) -> Sequence[Name]: ...

    def __getitem__(self, feature: int | slice) -> Name | Sequence[Name]:
        if isinstance(feature, slice):
            return [self[one] for one in range(*feature.indices(len(self)))]
        if 0 <= feature < len(self) and feature in self._own:
            return Name(text=self._own[feature], confidence=1.0, rule=OWN, by=A_PERSON)
        return self.by_rule(feature)


def read_names(folder: Path) -> Names:
    """The names that an index gives its features; raise `DamagedError` where they cannot be read."""
    path = folder / NAMES
    try:
        return Names(pq.read_table(path))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DamagedError(f"{path} cannot be read ({error}); remake the index") from None
