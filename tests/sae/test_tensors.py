"""The writer of safetensors files: read back by the library, the same bytes, nothing left behind."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from monosema.sae.formats.tensors import DTYPES, read_tensors, write_tensors


def test_every_type_and_shape_is_read_back_by_the_library(tmp_path: Path) -> None:
    tensors = {f"t{i}": (torch.arange(6).reshape(2, 3) % 2).to(dtype) for i, dtype in enumerate(DTYPES)}
    tensors |= {"scalar": torch.tensor(3.5), "empty": torch.empty(0, 4), "turned": torch.randn(3, 5).T}
    write_tensors(tmp_path / "a", tensors, {"b": "é", "a": "2"})
    back = load_file(tmp_path / "a")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(back[name], tensor), name
    assert read_tensors(tmp_path / "a")[1] == {"a": "2", "b": "é"}
    write_tensors(tmp_path / "b", dict(reversed(tensors.items())), {"b": "é", "a": "2"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_files_have_the_permissions_of_other_files(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"x": torch.zeros(1)})
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_failed_write_tells_the_reason_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tensors(tmp_path / "a", {"x": torch.zeros(1)})
    before = (tmp_path / "a").read_bytes()

    def full(tensor: torch.Tensor) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("monosema.sae.formats.tensors.tensor_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(tmp_path / "a", {"x": torch.ones(1)})
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
