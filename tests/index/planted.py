"""An index of planted activations over a text that is given token by token: everything about it is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from monosema.corpora import Tokens
from monosema.index import FeatureIndex
from monosema.index.contexts import TokenTexts
from monosema.index.segment import read_segments, write_segment
from monosema.index.tags import TagStatistics
from monosema.kernels import SparseActs

TOP, INTERVALS = 20, 10


class GivenTokens(Tokens):
    """Documents as lists of token texts."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self.known = sorted({token for document in documents for token in document})
        self._numbers = [[self.known.index(token) for token in document] for document in documents]
        self.vocabulary, self.hash = len(self.known), "given"

    @property
    def n_documents(self) -> int:
        return len(self._numbers)

    def ids(self, document: int) -> np.ndarray:
        return np.array(self._numbers[document], dtype=np.int64)


class GivenTags(TagStatistics):
    """Firings inside spans, counted from the matrix."""

    def __init__(self, acts: np.ndarray, inside: dict[str, np.ndarray]) -> None:
        self.tags = tuple(sorted(inside))
        self.rows = np.array([inside[tag].sum() for tag in self.tags], dtype=np.int64)
        self._counts = [((acts > 0) & inside[tag][:, None]).sum(0).astype(np.int64) for tag in self.tags]

    def counts(self, tag: int) -> np.ndarray:
        return self._counts[tag]


class GivenTable(dict[str, np.ndarray]):
    """Columns that are all there."""

    def row(self, feature: int) -> dict[str, np.ndarray]:
        return {name: column[feature] for name, column in self.items()}


class PlantedIndex(FeatureIndex):
    """`acts` [rows, F]: a row for every token of every document, in order; `promoted`: token texts of each feature."""

    def __init__(
        self,
        folder: Path,
        documents: Sequence[Sequence[str]],
        acts: np.ndarray,
        *,
        promoted: dict[int, list[str]] | None = None,
        inside: dict[str, np.ndarray] | None = None,
    ) -> None:
        self.folder = folder
        self.tokens = GivenTokens(documents)
        self.texts = TokenTexts(lambda ids: "".join(self.tokens.known[token] for token in ids))
        self.all_places = np.array(
            [
                (document, position, token)
                for document in range(len(documents))
                for position, token in enumerate(self.tokens.ids(document))
            ],
            dtype=np.int32,
        )
        self.acts = acts.astype(np.float32)
        self.positions, self.d_sae = self.acts.shape
        (folder / "segments").mkdir(parents=True)
        for number, rows in enumerate(np.array_split(np.arange(self.positions), 3)):
            some = SparseActs.from_dense(torch.from_numpy(self.acts[rows]))
            write_segment(folder / "segments", number, some, self.all_places[rows])
        self.segments = read_segments(folder / "segments")
        self.__dict__["tags"] = GivenTags(self.acts, inside or {})
        self.record = {"seed": 0}
        columns = {
            "count": (self.acts > 0).sum(0),
            "density": (self.acts > 0).mean(0),
            "mean": self.acts.sum(0) / np.maximum((self.acts > 0).sum(0), 1),
            "maximum": self.acts.max(0),
            **self._rows(),
            **self._tokens(),
            "promoted": np.array(
                [self._numbers((promoted or {}).get(one, []), 10) for one in range(self.d_sae)]
            ),
        }
        self.table = GivenTable(columns)

    def places(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        return self.all_places[np.asarray(rows, dtype=np.int64)].astype(np.int64)

    def _numbers(self, texts: list[str], n: int) -> list[int]:
        return [self.tokens.known.index(text) for text in (texts + [self.tokens.known[0]] * n)[:n]]

    def _rows(self) -> dict[str, np.ndarray]:
        top = np.full((self.d_sae, TOP), -1, dtype=np.int64)
        sample = np.full((self.d_sae, INTERVALS), -1, dtype=np.int64)
        for feature, column in enumerate(self.acts.T):
            fired = sorted(np.flatnonzero(column), key=lambda row: (-column[row], row))
            top[feature, : len(fired[:TOP])] = fired[:TOP]
            for row in fired:
                sample[feature, int(np.ceil(column[row] / column.max() * INTERVALS)) - 1] = row
        return {"top_rows": top, "sample_rows": sample}

    def _tokens(self) -> dict[str, np.ndarray]:
        tokens = np.full((self.d_sae, 10), -1, dtype=np.int32)
        shares = np.zeros((self.d_sae, 10), dtype=np.float32)
        for feature, column in enumerate(self.acts.T):
            sums = np.bincount(self.all_places[:, 2], weights=column, minlength=self.tokens.vocabulary)
            best = [token for token in np.argsort(-sums, kind="stable")[:10] if sums[token] > 0]
            tokens[feature, : len(best)] = best
            shares[feature, : len(best)] = sums[best] / max(column.sum(), 1e-9)
        return {"tokens": tokens, "token_shares": shares}
