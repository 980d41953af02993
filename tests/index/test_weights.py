"""What the weights alone tell, a range of features at a time: cut and resumed, it is the same to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from monosema.index import weights
from monosema.index.weights import COLUMNS, weight_columns
from monosema.models import LanguageModel
from monosema.progress import Silent
from monosema.sae import SAE, SAEConfig, TopK

D_SAE, SIZE = 600, 256
HOOK = "resid_post.1"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return LanguageModel.load(
        str(tiny.save_llama(tmp_path_factory.mktemp("llama"))), dtype="float32", device="cpu"
    )


@pytest.fixture(scope="module")
def sae(model: LanguageModel) -> SAE:
    config = SAEConfig(
        kind=TopK(k=3),
        d_model=model.d_model,
        d_sae=D_SAE,
        input=HOOK,
        output=HOOK,
        model=model.name,
        model_hash=model.hash,
    )
    made = SAE.initialise(config, mean=torch.zeros(model.d_model), scale=0.7)
    made.W_dec[300:340] = made.W_dec[0]  # more near-ties than candidates
    made.W_dec[599] = 0
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_ranges_tell_what_all_features_at_once_tell(model: LanguageModel, sae: SAE, tmp_path: Path) -> None:
    whole = weight_columns(tmp_path / "whole", model, sae, Silent()).of(0, D_SAE)
    cut = weight_columns(tmp_path / "cut", model, sae, Silent(), SIZE)
    assert len(cut.parts) == 3
    for begin, end in ((0, D_SAE), (0, 1), (250, 530), (256, 512), (599, 600)):
        columns = cut.of(begin, end)
        assert tuple(columns) == COLUMNS
        assert {name: array.tolist() for name, array in columns.items()} == {
            name: array[begin:end].tolist() for name, array in whole.items()
        }


def test_what_was_stopped_goes_on_with_the_next_range(
    model: LanguageModel, sae: SAE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight_columns(tmp_path / "whole", model, sae, Silent(), SIZE)
    asked, real = [], weights.promoted

    def stopped(*given: Any) -> Any:
        asked.append(given[2].start)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(weights, "promoted", stopped)
    with pytest.raises(KeyboardInterrupt):
        weight_columns(tmp_path / "stopped", model, sae, Silent(), SIZE)
    weight_columns(tmp_path / "stopped", model, sae, Silent(), SIZE)
    assert asked == [0, 256, 256, 512]
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!")])
@pytest.mark.parametrize("ending", ["safetensors", "json"])
def test_a_damaged_range_is_made_again_alone(
    harm: Callable[[Path], Any], ending: str, model: LanguageModel, sae: SAE, tmp_path: Path
) -> None:
    before = weight_columns(tmp_path, model, sae, Silent(), SIZE).of(0, D_SAE)
    files = contents(tmp_path)
    kept = {path: path.stat().st_ino for path in tmp_path.iterdir() if not path.name.startswith("00001")}
    harm(tmp_path / f"00001.{ending}")
    after = weight_columns(tmp_path, model, sae, Silent(), SIZE).of(0, D_SAE)
    assert contents(tmp_path) == files
    assert all(path.stat().st_ino == inode for path, inode in kept.items())
    assert all(np.array_equal(after[name], array) for name, array in before.items())
