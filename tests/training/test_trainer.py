"""The trainer: it learns, it resumes to the bit, it stops when told, and it refuses what does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monosema.errors import DamagedError, Interrupted, MonosemaError, RefusedError, UsageError
from monosema.kernels import CertifiedEncoder
from monosema.sae import (
    L1,
    SAE,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    SAEConfig,
    TanhJumpReLU,
    TopK,
)
from monosema.training import (
    Job,
    TrainPlan,
    TrainResult,
    TrainSettings,
    make_plan,
    read_metrics,
    steps_done,
    train,
    train_together,
)
from monosema.training.forward import ENCODERS
from training.planted import Planted

KINDS: list[Kind] = [
    TopK(k=3, aux_k=4),
    L1(l1_coefficient=1.0),
    BatchTopK(k=3, aux_k=4),
    MatryoshkaBatchTopK(k=3, aux_k=4, widths=(8, 16)),
    MatryoshkaTopK(k=3, aux_k=4, widths=(8, 16)),
    JumpReLU(target_l0=3.0, l0_coefficient=0.1),
    TanhJumpReLU(sparsity_coefficient=0.5),
    Gated(l1_coefficient=0.3),
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
SHORT = TrainSettings(batch=64, tokens=64 * 23, checkpoint_steps=5, metrics_every=2, lr=3e-3)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def start(kind: Kind, settings: TrainSettings = SHORT, d_sae: int = 32) -> tuple[SAE, Planted, TrainPlan]:
    stream = Planted()
    config = SAEConfig(
        kind=kind,
        d_model=stream.d_model,
        d_sae=d_sae,
        input="resid_post.0",
        output="resid_post.0",
        model="planted",
        model_hash="00" * 32,
    )
    sample = stream.sample()
    scale = math.sqrt(stream.d_model / float(sample.square().sum(1).mean()))
    sae = SAE.initialise(config, mean=sample.mean(0), scale=scale)
    return sae, stream, make_plan(settings, config, positions=stream.total)


def bits(sae: SAE) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in sae.tensors().items()}


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Shown:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.positions = 0
        self.figures: list[dict[str, float]] = []

    def update(self, n: int, **figures: float) -> None:
        self.positions += n
        self.figures.append(figures)


def at_calls(*calls: int) -> Callable[[], bool]:
    seen = iter(range(10**9))
    return lambda: next(seen) in calls


@kinds
def test_training_lowers_the_loss_and_tells_how_it_went(kind: Kind, tmp_path: Path) -> None:
    sae, stream, plan = start(kind, replace(SHORT, tokens=64 * 300))
    shown = Shown()
    result = train(sae, stream, plan, metrics=tmp_path, progress=shown)
    lines = list(read_metrics(tmp_path))
    assert [line["step"] for line in lines] == list(range(2, 301, 2))
    assert lines[-1]["mse"] < 0.5 * lines[0]["mse"]
    assert result.mse == lines[-1]["mse"]
    assert result.steps == 300
    assert result.positions == shown.positions == 300 * 64
    assert result.resumed_from == 0
    assert 0.2 < result.variance_explained <= 1
    assert {"loss", "l0", "variance_explained", "dead_share"} <= shown.figures[-1].keys()
    x = stream.sample()
    fvu = float((x - sae.reconstruct(x)).square().sum() / (x - x.mean(0)).square().sum())
    assert result.variance_explained == pytest.approx(1 - fvu, abs=0.1)


def test_a_planted_dictionary_is_recovered() -> None:
    sae, stream, plan = start(
        TopK(k=3, aux_k=8), TrainSettings(batch=256, tokens=256 * 600, lr=1e-2), d_sae=48
    )
    train(sae, stream, plan)
    cosines = (stream.directions @ sae.W_dec.T).amax(1)
    assert cosines.mean() > 0.9


def test_both_encoder_products_train_to_the_same_features() -> None:
    found = []
    for gemm in ("fp32", "bf16"):
        sae, stream, plan = start(KINDS[0])
        train(sae, stream, replace(plan, encoder_gemm=gemm))
        found.append(sae.W_dec)
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


@kinds
@pytest.mark.parametrize("fail_at", [0, 4, 5, 13, 22])
def test_killed_at_any_step_and_resumed_ends_with_the_same_bits(
    kind: Kind, fail_at: int, tmp_path: Path
) -> None:
    whole, stream, plan = start(kind)
    result = train(whole, stream, plan, checkpoint=tmp_path / "a", metrics=tmp_path / "whole")

    killed, stream, _ = start(kind)
    stream.fail_at = fail_at
    with pytest.raises(KeyboardInterrupt):
        train(killed, stream, plan, checkpoint=tmp_path / "b", metrics=tmp_path / "killed")
    assert steps_done(tmp_path / "b") == fail_at // 5 * 5
    resumed, stream, _ = start(kind)
    again = train(resumed, stream, plan, checkpoint=tmp_path / "b", metrics=tmp_path / "killed")

    assert again == replace(result, resumed_from=fail_at // 5 * 5)
    assert bits(resumed) == bits(whole)
    assert parts(tmp_path / "killed") == parts(tmp_path / "whole")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@kinds
def test_stopped_again_and_again_it_still_ends_with_the_same_bits(kind: Kind, tmp_path: Path) -> None:
    whole, stream, plan = start(kind)
    train(whole, stream, plan, metrics=tmp_path / "whole")
    for stop in range(1, 8):
        sae, stream, _ = start(kind)
        message = f"stopped at step {3 * stop} of 23; go on with the same command"
        with pytest.raises(Interrupted, match=message):
            train(
                sae, stream, plan, checkpoint=tmp_path / "c", metrics=tmp_path / "stopped", stop=at_calls(2)
            )
        assert steps_done(tmp_path / "c") == 3 * stop
    sae, stream, _ = start(kind)
    train(sae, stream, plan, checkpoint=tmp_path / "c", metrics=tmp_path / "stopped", stop=at_calls(2))
    assert bits(sae) == bits(whole)
    assert parts(tmp_path / "stopped") == parts(tmp_path / "whole")


def test_a_run_that_resamples_resumes_to_the_bit(tmp_path: Path) -> None:
    asked = replace(SHORT, resample=3)
    whole, stream, plan = start(KINDS[1], asked)
    whole.b_enc[:9] = -1e4
    train(whole, stream, plan)
    for stop in (2, 7):  # before, between and after occasions
        sae, stream, _ = start(KINDS[1], asked)
        sae.b_enc[:9] = -1e4
        with pytest.raises(Interrupted):
            train(sae, stream, plan, checkpoint=tmp_path / "c", stop=at_calls(stop))
    sae, stream, _ = start(KINDS[1], asked)
    train(sae, stream, plan, checkpoint=tmp_path / "c")
    assert bits(sae) == bits(whole)


def test_a_metrics_part_written_just_before_a_kill_is_not_doubled(tmp_path: Path) -> None:
    whole, stream, plan = start(KINDS[0])
    train(whole, stream, plan, metrics=tmp_path / "whole")
    sae, stream, _ = start(KINDS[0])
    with pytest.raises(Interrupted):
        train(sae, stream, plan, checkpoint=tmp_path / "c", metrics=tmp_path / "m", stop=at_calls(6))
    (tmp_path / "m" / "00001.jsonl").write_text('{"step": 8}\n')
    (tmp_path / "m" / "00007.jsonl").write_text('{"step": 99}\n')
    sae, stream, _ = start(KINDS[0])
    train(sae, stream, plan, checkpoint=tmp_path / "c", metrics=tmp_path / "m")
    assert parts(tmp_path / "m") == parts(tmp_path / "whole")


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    sae, stream, plan = start(KINDS[0])
    result = train(sae, stream, plan, checkpoint=tmp_path / "c")
    other, stream, _ = start(KINDS[0])
    stream.fail_at = 0
    assert train(other, stream, plan, checkpoint=tmp_path / "c") == replace(result, resumed_from=23)
    assert bits(other) == bits(sae)


def test_a_checkpoint_of_another_plan_is_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    sae, stream, plan = start(KINDS[0])
    train(sae, stream, plan, checkpoint=tmp_path / "c")
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(RefusedError, match=r"plan.clip 1.0 -> 2.0, plan.lr 0.003 -> 0.004\)"):
        train(sae, stream, replace(plan, lr=0.004, clip=2.0), checkpoint=tmp_path / "c")
    other = SAE.initialise(replace(sae.config, seed=4), mean=torch.zeros(16), scale=sae.scale)
    with pytest.raises(RefusedError, match=r"\(sae.seed 0 -> 4\)"):
        train(other, stream, plan, checkpoint=tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == before


@pytest.mark.parametrize("where", [0.02, 0.5, 0.9999])
def test_a_damaged_checkpoint_is_named(where: float, tmp_path: Path) -> None:
    sae, stream, plan = start(KINDS[0])
    train(sae, stream, plan, checkpoint=tmp_path / "c")
    data = bytearray((tmp_path / "c").read_bytes())
    data[int(where * len(data))] ^= 4
    (tmp_path / "c").write_bytes(data)
    with pytest.raises(DamagedError, match=r"/c "):
        train(sae, stream, plan, checkpoint=tmp_path / "c")
    (tmp_path / "c").write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedError, match=r"/c is no checkpoint"):
        train(sae, stream, plan, checkpoint=tmp_path / "c")


class Spoilt(Planted):
    """A stream that gives something else from one step on."""

    def __init__(self, step: int, factor: float) -> None:
        super().__init__()
        self.step, self.factor = step, factor

    def next(self, n: int) -> Tensor:
        x = super().next(n)
        return x * self.factor if self.calls > self.step else x


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (math.nan, r"batch of step 13 holds NaN .*, first in its row 0 .* the checkpoint of step 10 is kept"),
        (math.inf, r"batch of step 13 holds NaN .*, first in its row 0 .* the checkpoint of step 10 is kept"),
        (1000.0, r"diverged at step 13: .* the checkpoint of step 10 is kept; lower lr"),
    ],
)
def test_a_bad_batch_and_an_exploding_loss_stop_and_keep_the_good_checkpoint(
    factor: float, message: str, tmp_path: Path
) -> None:
    sae, _, plan = start(KINDS[0])
    with pytest.raises(MonosemaError, match=message):
        train(sae, Spoilt(12, factor), plan, checkpoint=tmp_path / "c", metrics=tmp_path / "m")
    assert steps_done(tmp_path / "c") == 10


def test_without_a_checkpoint_a_stop_says_that_nothing_was_kept() -> None:
    sae, stream, plan = start(KINDS[0])
    with pytest.raises(Interrupted, match="nothing was kept"):
        train(sae, stream, plan, stop=at_calls(1))


def test_dead_features_are_those_never_active_in_so_few_positions(tmp_path: Path) -> None:
    sae, stream, plan = start(TopK(k=3, aux_k=0))
    sae.b_enc[:5] = -1e4
    result = train(sae, stream, plan, metrics=tmp_path)
    assert result.dead >= 5
    assert result.dead_share == result.dead / 32
    assert next(read_metrics(tmp_path))["dead"] >= result.dead


def test_an_sae_that_does_not_fit_the_plan_is_refused() -> None:
    sae, stream, plan = start(KINDS[0])
    with pytest.raises(UsageError, match="the SAE is 16 x 32, the plan 16 x 33"):
        train(sae, stream, replace(plan, d_sae=33))
    with pytest.raises(UsageError, match="folded scale"):
        train(sae.fold_scale("F1"), stream, plan)
    with pytest.raises(UsageError, match="the SAE has k 3, the plan 4"):
        train(sae, stream, replace(plan, k=4))


def together(folder: Path, stream: Planted, **how: Any) -> list[SAE]:
    """All kinds at once, one with fewer steps, files by the kinds' names."""
    jobs = []
    for kind in KINDS:
        settings = replace(SHORT, tokens=64 * 17) if kind.name == "gated" else SHORT
        sae, _, plan = start(kind, settings)
        files = {"checkpoint": folder / kind.name, "metrics": folder / f"{kind.name} metrics"}
        jobs.append(Job(sae=sae, plan=plan, name=kind.name, **files))
    train_together(jobs, stream, **how)
    return [job.sae for job in jobs]


def test_saes_on_one_stream_get_the_bits_that_each_gets_alone(tmp_path: Path) -> None:
    found = together(tmp_path, Planted())
    for kind, sae in zip(KINDS, found, strict=True):
        alone, stream, plan = start(kind, replace(SHORT, tokens=64 * 17) if kind.name == "gated" else SHORT)
        train(alone, stream, plan, metrics=tmp_path / "alone" / kind.name)
        assert bits(sae) == bits(alone), kind.name
        assert parts(tmp_path / f"{kind.name} metrics") == parts(tmp_path / "alone" / kind.name)


def test_saes_on_one_stream_go_on_from_wherever_each_was_killed(tmp_path: Path) -> None:
    whole = together(tmp_path / "whole", Planted())
    stream = Planted()
    stream.fail_at = 12
    with pytest.raises(KeyboardInterrupt):
        together(tmp_path / "some", stream)
    ahead, behind = Planted(), [kind.name for kind in KINDS[1::2]]
    for name in behind:  # as if the kill had come between two checkpoints
        (tmp_path / "some" / name).unlink()
    with pytest.raises(Interrupted, match=r"stopped at step 3 of 23; go on with the same command"):
        together(tmp_path / "some", ahead, stop=at_calls(2))
    assert {steps_done(tmp_path / "some" / kind.name) for kind in KINDS} == {3, 10}
    again = together(tmp_path / "some", Planted())
    assert [bits(sae) for sae in again] == [bits(sae) for sae in whole]


def test_an_error_of_one_of_several_names_it(tmp_path: Path) -> None:
    with pytest.raises(MonosemaError, match=r"topk: the batch of step 13 holds NaN .* step 10 is kept"):
        together(tmp_path, Spoilt(12, math.nan))
    sae, stream, plan = start(KINDS[0])
    with pytest.raises(UsageError, match="plans of one batch size"):
        train_together([Job(sae=sae, plan=plan), Job(sae=sae, plan=replace(plan, batch=32))], stream)


class Counted(Planted):
    """A stream that counts what is drawn from it, wherever it stands."""

    drawn = 0

    def next(self, n: int) -> Tensor:
        self.drawn += 1
        return super().next(n)


def unequal(folder: Path, stream: Planted, **how: Any) -> list[TrainResult]:
    """Two SAEs on one stream, of 17 and of 23 steps."""
    jobs = []
    for kind, steps in ((KINDS[0], 17), (KINDS[1], 23)):
        sae, _, plan = start(kind, replace(SHORT, tokens=64 * steps))
        jobs.append(Job(sae=sae, plan=plan, checkpoint=folder / kind.name, name=kind.name))
    return train_together(jobs, stream, **how)


def test_a_resume_draws_only_the_batches_of_the_steps_that_are_left(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="stopped at step 20 of 23"):
        unequal(tmp_path, Planted(), stop=at_calls(19))
    rest, nothing = Counted(), Counted()
    assert [result.resumed_from for result in unequal(tmp_path, rest)] == [17, 20]
    assert rest.drawn == 3
    assert [result.resumed_from for result in unequal(tmp_path, nothing)] == [17, 23]
    assert nothing.drawn == 0


def test_the_share_of_positions_that_fell_back_is_told_of_the_whole_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENCODERS, "bf16", partial(CertifiedEncoder, cap=1))  # too few candidates for any row
    kind = TopK(k=2, aux_k=0)
    for gemm, share in (("bf16", 1.0), ("fp32", 0.0)):
        sae, stream, plan = start(kind, d_sae=64)
        plan = replace(plan, encoder_gemm=gemm)
        with pytest.raises(Interrupted):
            train(sae, stream, plan, checkpoint=tmp_path / gemm, stop=at_calls(6))
        result = train(start(kind, d_sae=64)[0], stream, plan, checkpoint=tmp_path / gemm)
        assert (result.resumed_from, result.fallback_share) == (7, share)
