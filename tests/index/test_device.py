"""An index whose SAE lies on a GPU has the bytes of one that was made here."""

from __future__ import annotations

from pathlib import Path

import pytest

import monosema as ms
from far import gpu
from monosema import pipeline
from monosema.activations import StoreRows
from monosema.index import make_index
from pipeline.small_study import new_study


@pytest.mark.usefixtures("torch_alone")
def test_an_sae_on_a_gpu_is_indexed_to_the_bytes_of_one_here(tmp_path: Path) -> None:
    pipeline.run(new_study(tmp_path / "study"), goal="sae")
    study = ms.open(tmp_path / "study")

    def made(folder: Path, device: str) -> dict[str, bytes]:
        folder.mkdir()
        rows = StoreRows(study.activations())
        make_index(folder, study.model(), study.sae().to(device), study.tokens(), rows, seed=0)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    here = made(tmp_path / "here", "cpu")
    with gpu():
        assert made(tmp_path / "there", "cuda") == here
