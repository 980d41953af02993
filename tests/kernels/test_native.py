"""The kernels in C++: any number of threads, any level of the instruction set, one OpenMP with torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from monosema.kernels import (
    ByFeature,
    CertifiedEncoder,
    RowGradients,
    Selected,
    SparseActs,
    native,
    residual_and_slopes,
    top_k,
)

LIBRARY = native.found().library
BUILT = pytest.mark.skipif(
    LIBRARY is None, reason=f"no kernels in C++ ({native.found().about}); make native builds them"
)
N, D, F, K = 60, 37, 1031, 8  # no width is a multiple of a register


def everything() -> dict[str, torch.Tensor]:
    """What the kernels make of one batch."""
    g = torch.Generator().manual_seed(0)
    x, W, b = torch.randn(N, D, generator=g), torch.randn(F, D, generator=g), torch.randn(D, generator=g)
    values, columns = top_k(x @ W.T, K)
    acts = SparseActs.from_topk(values, columns, F)
    acts.values[::3] = 0  # a pair may be silent, and only its slope be asked
    residual = torch.empty_like(x)
    slopes = residual_and_slopes(x, acts, W, b, 0.5, residual)
    into = RowGradients(
        encoder=torch.empty(F, D), decoder=torch.empty(F, D), b_enc=torch.zeros(F), mass=torch.zeros(F)
    )
    slopes[::6] = 0
    norms = torch.linalg.vector_norm(W, dim=1)
    found = CertifiedEncoder(W, norms, N).above(x, 1.0, N * F)
    assert isinstance(found, Selected)
    norm = into.add(
        ByFeature.of(acts), acts.values, slopes, x, residual, W, norms, pulls=norms, unit=True, filled=False
    )
    made = {"values": values, "columns": columns, "residual": residual, "slopes": slopes}
    made |= {"encoder": into.encoder, "decoder": into.decoder, "b_enc": into.b_enc, "mass": into.mass}
    made |= {"found": found.acts.indices, "scores": found.acts.values}
    return made | {"norm": torch.tensor(norm)}


@BUILT
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_gives_the_same_bits(threads: int) -> None:
    one = everything()
    try:
        torch.set_num_threads(threads)
        many = everything()
    finally:
        torch.set_num_threads(1)
    for name, tensor in one.items():
        assert torch.equal(tensor, many[name]), name


def asked(script: str, **environment: str) -> str:
    """What a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "OMP_NUM_THREADS": "2", **environment},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@BUILT
def test_every_level_that_runs_here_agrees(tmp_path: Path) -> None:
    script = (
        "import sys, torch; torch.set_num_threads(1); from kernels.test_native import everything;"
        "from monosema.kernels import native; torch.save(everything(), sys.argv[1]); print(native.found().about)"
    )
    here = everything()
    for capability, level in {"default": "base", "avx2": "v3"}.items():
        path = tmp_path / f"{level}.pt"
        about = asked(
            f"import sys; sys.argv = ['', {str(path)!r}]; sys.path[:0] = ['.', '..']; {script}",
            ATEN_CPU_CAPABILITY=capability,
        )
        assert about.endswith(level)
        for name, tensor in torch.load(path).items():
            there, mine = tensor.double(), here[name].double()
            assert float((there - mine).norm() / mine.norm()) < 1e-6, f"{level}: {name}"


IMPORTS = {
    "torch first": "import torch; from monosema.kernels import native; native.found()",
    "kernels first": "import ctypes; ctypes.CDLL({path!r}); import torch; from monosema.kernels import native",
}


@BUILT
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
@pytest.mark.parametrize("order", IMPORTS)
def test_torch_and_the_kernels_share_one_openmp(order: str) -> None:
    assert LIBRARY is not None
    out = asked(
        IMPORTS[order].format(path=LIBRARY._name)
        + "; from monosema.kernels import top_k; x = torch.randn(64, 4096); top_k(x, 8); x @ x.T;"
        "print(len({line.split()[-1] for line in open('/proc/self/maps') if 'gomp' in line}))"
    )
    assert out == "1"


def test_without_kernels_torch_does_the_same() -> None:
    script = (
        "import torch; from monosema.kernels import native, top_k;"
        "print(native.found().about); assert top_k(torch.arange(9.0).view(1, 9), 2)[1].tolist() == [[8, 7]]"
    )
    assert asked(script, **{native.SWITCH: "0"}) == "switched off by MONOSEMA_NATIVE=0"


@BUILT
def test_tensors_that_a_kernel_would_misread_are_refused() -> None:
    x = torch.zeros(4, 8)
    assert native.fits(x)
    assert not native.fits(x.T)
    assert not native.fits(x.to("meta"))
    with pytest.raises(AssertionError):
        native.call("top_k", x.double(), 4, 8, 1, torch.empty(4, 1), torch.empty(4, 1, dtype=torch.int64))


def test_a_library_of_other_sources_or_none_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    assert native.found.__wrapped__().about.startswith("not built for")
    level = native.LEVELS.get(torch.backends.cpu.get_cpu_capability(), "base")
    (tmp_path / native.file_name(level)).write_bytes(b"no library")
    assert "cannot be loaded" in native.found.__wrapped__().about
    if LIBRARY is not None:
        monkeypatch.undo()
        monkeypatch.setattr(native, "VERSION", -1)
        assert "built from other sources" in native.found.__wrapped__().about
