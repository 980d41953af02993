"""What all tests share: no deadlines (a busy machine is no failure) and one thread (tiny tensors gain by it)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

from monosema.kernels import native
from monosema.sae import selection

settings.register_profile("everywhere", deadline=None)
settings.load_profile("everywhere")
torch.set_num_threads(1)


@pytest.fixture(scope="module", params=["native", "torch"])
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways of doing the same: a module that asks for it is run with each."""
    if request.param == "native":
        if native.found().library is None:
            pytest.skip(f"no kernels in C++ ({native.found().about}); build them with: make native")
        yield request.param
        return
    with pytest.MonkeyPatch.context() as patch:
        _without_kernels(patch)
        yield request.param


@pytest.fixture
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything by torch and by fp32 products, as on a GPU."""
    _without_kernels(monkeypatch)
    monkeypatch.setattr(selection, "has_bf16_units", bool)


def _without_kernels(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(native, "fits", lambda *_: False)
