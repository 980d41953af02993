"""Steps on a GPU: every tensor is there, and what comes of it is what torch makes of it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from far import GPU, Far, gpu
from monosema.errors import Interrupted
from monosema.sae import Kind
from monosema.training import Job, TrainResult, step_device, train, train_together
from training.test_trainer import KINDS, SHORT, at_calls, bits, parts, start

BRIEF = replace(SHORT, tokens=64 * 12, dead_after=64, resample=2)


pytestmark = pytest.mark.usefixtures("torch_alone")


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except (RuntimeError, TypeError):
        return True
    return False


def test_the_pretended_gpu_refuses_what_a_real_one_would() -> None:
    with gpu() as device:
        far, here = torch.ones(2, 3, device=device), torch.ones(2, 3)
        assert far.device == GPU
        assert (far.relu().device, far.cpu().device, here.to(device).device) == (GPU, here.device, GPU)
        assert (torch.zeros_like(far).device, here.new_ones(2, device=device).device) == (GPU, GPU)
        places = torch.zeros(1, dtype=torch.int64)
        assert refused(lambda: far + here)
        assert refused(lambda: torch.mm(far, here.T))
        assert refused(lambda: torch.add(here, here, out=far))
        assert refused(lambda: here[places.to(device)])
        assert refused(far.numpy)
        assert not refused(lambda: far[places] + torch.tensor(1.0))
        far[0] = here[0]
        assert here.copy_(far).device != GPU


@pytest.mark.parametrize(
    ("kind", "gemm"),
    [(kind, "fp32") for kind in KINDS] + [(kind, "bf16") for kind in KINDS[:2]],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_kind_trains_on_a_gpu_to_the_weights_that_torch_gives_here(
    kind: Kind, gemm: str, tmp_path: Path
) -> None:
    sae, stream, plan = start(kind, BRIEF)
    plan = replace(plan, encoder_gemm=gemm)
    result = train(sae, stream, plan, metrics=tmp_path / "here")
    far, stream, _ = start(kind, BRIEF)
    with gpu() as device:
        assert train(far, stream, plan, metrics=tmp_path / "far", device=device) == result
    assert not any(isinstance(tensor, Far) for tensor in far.tensors().values())
    assert bits(far) == bits(sae)
    assert parts(tmp_path / "far") == parts(tmp_path / "here")


def test_training_on_a_gpu_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    sae, stream, plan = start(KINDS[0])
    train(sae, stream, plan)
    far, stream, _ = start(KINDS[0])
    with gpu() as device:
        with pytest.raises(Interrupted):
            train(far, stream, plan, checkpoint=tmp_path / "c", stop=at_calls(7), device=device)
        again, stream, _ = start(KINDS[0])
        result = train(again, stream, plan, checkpoint=tmp_path / "c", device=device)
    assert result.resumed_from > 0
    assert bits(again) == bits(sae)


def test_an_sae_that_lies_on_a_gpu_is_trained_there_in_place() -> None:
    def trained(move: Callable[[Job], Job]) -> tuple[Job, list[TrainResult]]:
        sae, stream, plan = start(KINDS[0])
        job = move(Job(sae=sae, plan=plan))
        return job, train_together([job], stream)

    here, said = trained(lambda job: job)
    with gpu() as device:
        far, also = trained(lambda job: replace(job, sae=job.sae.to(device)))
        assert far.sae.encoder.device == GPU
        assert bits(far.sae.to("cpu")) == bits(here.sae)
    assert also == said


def test_steps_are_taken_where_float64_sums_are_to_be_had() -> None:
    assert step_device("cuda:1") == torch.device("cuda:1")
    assert step_device("mps") == step_device("cpu") == torch.device("cpu")
