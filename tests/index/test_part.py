"""Parts of an index that is still being made: tables that others open, and segments that are opened once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from monosema.activations import Rows
from monosema.index import segment as segment_module
from monosema.index.collect import collect
from monosema.index.reduce import totals
from monosema.index.segment import read_segments, write_segment
from monosema.kernels import SparseActs
from monosema.progress import Silent
from monosema.sae import SAE, SAEConfig, TopK

N, F, TOP = 300, 9, 20
CUTS = (0, 120, 300)


def dense() -> torch.Tensor:
    """Feature 0 never fires, feature 1 only in the second part, feature 2 often and with equal values."""
    torch.manual_seed(0)
    acts = torch.rand(N, F).mul(8).exp() * (torch.rand(N, F) < 0.2)
    acts[:, 0], acts[: CUTS[1], 1] = 0, 0
    acts[:, 2] = torch.randint(0, 4, (N,)).float()
    return acts


def add(folder: Path, number: int) -> torch.Tensor:
    """Write a part and return its activations."""
    some = slice(CUTS[number], CUTS[number + 1])
    places = np.stack([np.arange(N) // 50, np.arange(N) % 50, np.arange(N) % 7], axis=1).astype(np.int32)
    write_segment(folder, number, SparseActs.from_dense(dense()[some]), places[some])
    return dense()[some]


def test_a_finished_part_of_an_unfinished_index_opens_without_us(tmp_path: Path) -> None:
    for number in range(2):
        acts = add(tmp_path, number).numpy()
        table = pd.read_parquet(tmp_path / f"{number:05d}.parquet")
        firing = np.flatnonzero(acts.any(axis=0))
        assert table["feature"].tolist() == firing.tolist()
        assert table["count"].tolist() == (acts > 0).sum(0)[firing].tolist()
        np.testing.assert_allclose(table["sum"], acts.astype(np.float64).sum(0)[firing])
        assert table["maximum"].tolist() == acts.max(0)[firing].tolist()
        for feature, rows, values in zip(firing, table["top_rows"], table["top_values"], strict=True):
            column = acts[:, feature]
            best = np.argsort(-column, kind="stable")[: min(TOP, (column > 0).sum())]
            assert rows.tolist() == best.tolist()
            assert values.tolist() == column[best].tolist()


def test_the_figures_of_all_features_are_those_of_the_parts_together(tmp_path: Path) -> None:
    for number in range(2):
        add(tmp_path, number)
    parts = pd.concat(pd.read_parquet(path) for path in sorted(tmp_path.glob("*.parquet")))
    together = parts.groupby("feature").agg({"count": "sum", "sum": "sum", "maximum": "max"})
    found = totals(read_segments(tmp_path), F)
    alive = np.flatnonzero(found.count)
    assert together.index.tolist() == alive.tolist()
    assert together["count"].tolist() == found.count[alive].tolist()
    assert together["sum"].tolist() == found.sum[alive].tolist()
    assert together["maximum"].tolist() == found.maximum[alive].tolist()


class Finished:
    """A source whose tasks are all done: none may be asked for."""

    tasks, positions = 2, N

    def rows(self, task: int) -> Iterator[Rows]:
        raise AssertionError(f"task {task} was made again")


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_the_table_of_a_part_is_made_again_from_its_segment_alone(harm: str, tmp_path: Path) -> None:
    for number in range(2):
        add(tmp_path, number)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path: path.stat().st_ino for path in tmp_path.iterdir() if path.name != "00001.parquet"}
    table = tmp_path / "00001.parquet"
    table.unlink() if harm == "missing" else table.write_bytes(b"no")
    config = SAEConfig(
        kind=TopK(k=2),
        d_model=4,
        d_sae=F,
        input="resid_post.0",
        output="resid_post.0",
        model="tiny",
        model_hash="0",
    )
    collect(tmp_path, SAE.initialise(config, mean=torch.zeros(4), scale=1.0), Finished(), Silent())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert all(path.stat().st_ino == inode for path, inode in kept.items())


def test_a_reader_that_follows_opens_each_segment_once_and_again_when_it_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], segment_module.map_arrays

    def counted(path: Path, size: int) -> Any:
        opened.append(path.name[:5])
        return real(path, size)

    monkeypatch.setattr(segment_module, "map_arrays", counted)
    add(tmp_path, 0)
    first = read_segments(tmp_path)
    add(tmp_path, 1)
    both = read_segments(tmp_path, first)
    assert both[0] is first[0]
    assert [one.start for one in both] == [0, CUTS[1]]
    assert read_segments(tmp_path, both) == both
    assert opened == ["00000", "00001"]
    add(tmp_path, 0)
    assert read_segments(tmp_path, both)[0] is not first[0]
    assert opened == ["00000", "00001", "00000"]
