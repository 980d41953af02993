"""The shards of one SAE: what the routes of its features answer, feature by feature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, get_args

from fastapi import Request, Response

from monosema.server.directions import NeighboursElsewhere, get_elsewhere
from monosema.server.errors import NotFoundError
from monosema.server.export.packing import (
    WIDE,
    Documents,
    Texts,
    columns_of,
    lean_record,
    packed_example,
    rounded,
)
from monosema.server.feature_records import Example, FeatureRecord, Group
from monosema.server.features import examples_by_group, get_feature
from monosema.server.fresh import Versioned
from monosema.server.relations import get_relations
from monosema.server.served import ServedSAE
from monosema.server.strength import get_firings

RECORDS, EXAMPLES = 64, 16
"""Features of a shard of records, and of one of examples."""
LIMITS: dict[Group, int] = dict.fromkeys(get_args(Group), 100) | {"top": 20, "silent": 5}
"""Most examples of each group; of the sampled ones an index keeps fewer."""
MOST_TOKENS = 10
"""Tokens of a feature at which it fires."""
STATISTICS = ("density", "count", "mean", "maximum")
Write = Callable[[str, Any], None]
"""Writes a file by its path below the folder of an SAE."""


@dataclass
class SAEShards:
    """Writes the shards of one SAE, whose index is whole."""

    served: ServedSAE
    numbers: Sequence[int]
    """Features that the site has, ascending."""
    has_relations: bool
    others: Sequence[str]
    """Other SAEs that the site has."""
    documents: Documents = field(default_factory=Documents)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _figures: dict[str, Any] | None = None
    """Of all relations."""

    def write(self, write: Write) -> Iterator[int]:
        """Write them, and yield each feature's number when it is done."""
        for start in range(0, len(self.numbers), RECORDS):
            records = []
            for first in range(start, min(start + RECORDS, len(self.numbers)), EXAMPLES):
                some = self.numbers[first : min(first + EXAMPLES, start + RECORDS)]
                texts, about, features = Texts(), Texts(), []
                for number in some:
                    record, groups = self._record(number), self._groups(number)
                    records.append((record, groups["top"]))
                    features.append(self._feature(number, groups, texts, about))
                    yield number
                content = {"texts": texts.all(), "about": about.all(), "features": features}
                content |= {"figures": self._figures} if self._figures else {}
                write(f"examples/{first // EXAMPLES}.json", content)
            write(f"records/{start // RECORDS}.json", self._records(records))
        self._columns(write)

    def _record(self, number: int) -> FeatureRecord:
        return get_feature(self.served, self.served.index(), number, Versioned())

    def _groups(self, number: int) -> dict[Group, list[Example]]:
        return examples_by_group(self.served.index(), number, LIMITS, before=WIDE, after=WIDE)

    def _feature(
        self, number: int, groups: Mapping[Group, Sequence[Example]], texts: Texts, about: Texts
    ) -> dict[str, Any]:
        packed: dict[int, list[Any]] = {}  # many stand in several groups
        for example in chain.from_iterable(groups.values()):
            if id(example) not in packed:
                self.documents.add(example)
                packed[id(example)] = packed_example(example, texts, about)
        shown = {group: [packed[id(one)] for one in some] for group, some in groups.items() if some}
        told: dict[str, Any] = {"number": number, "groups": shown}
        index = self.served.index()
        firings = get_firings(self.served, index, number, Versioned())
        told["firings"] = rounded(firings.model_dump(exclude={"number", "coverage"}))
        del told["firings"]["tokens"][MOST_TOKENS:]
        if self.has_relations:
            try:
                relations = get_relations(self.served, index, number, Versioned())
            except NotFoundError as error:  # only a random part of the features was measured
                told["unrelated"] = str(error)
            else:
                told["relations"] = rounded(relations.model_dump(exclude={"number", "figures"}))
                self._figures = rounded(relations.figures.model_dump())
        if self.others:
            saes = _elsewhere(self.served, number).saes
            told["elsewhere"] = [rounded(one.model_dump()) for one in saes if one.sae in self.others]
        return told

    def _records(self, records: Sequence[tuple[FeatureRecord, Sequence[Example]]]) -> dict[str, Any]:
        """Records with their strongest example, for lists and cards."""
        texts, about, lean = Texts(), Texts(), []
        first = records[0][0].model_dump()
        same = {"coverage": first["coverage"], "edges": first["histogram"]["edges"]}
        for record, top in records:
            told = record.model_dump()
            self._rows.append(told)
            example = [packed_example(one, texts, about) for one in top[:1]]
            lean.append({**lean_record(told, same), "example": example[0] if example else None})
        return {**same, "texts": texts.all(), "about": about.all(), "features": lean}

    def _columns(self, write: Write) -> None:
        """What lists are sorted and filtered by, and what words are searched in."""
        write("columns.json", columns_of(self._rows, STATISTICS))
        write(
            "words.json",
            {
                "names": [_words_of(row) for row in self._rows],
                "fires": [" ".join(one["text"] for one in row["tokens"]) for row in self._rows],
                "promotes": [" ".join(one["text"] for one in row["promoted"]) for row in self._rows],
                "tags": [
                    " ".join(one["tag"] for one in row["tags"] if one["precision"] >= 0.5)
                    for row in self._rows
                ],
            },
        )


def _words_of(row: Mapping[str, Any]) -> str:
    """A feature's names, by a person and by rule, and what is noted about it."""
    names = [one["text"] for one in (row["name"], row["by_rule"]) if one is not None]
    return " ".join(one for one in (*names, row["note"]) if one)


def _elsewhere(served: ServedSAE, number: int) -> NeighboursElsewhere:
    request = Request({"type": "http", "path": "", "query_string": b"", "headers": []})
    return get_elsewhere(request, Response(), served, number)
