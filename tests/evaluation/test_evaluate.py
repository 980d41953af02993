"""Figures against the slow, obvious version in float64; what must be 0 is 0; what is left out stays untouched."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from activations.tiny import HOOK, D, TinyModel
from evaluation.measured import MASSIVE_TOKEN, THRESHOLD, config, identity, model, random_sae, run, text
from monosema.evaluation import Figure
from monosema.sae import SAE, BatchTopK


class Slow:
    """All held-out documents one by one, dense, in float64."""

    def __init__(self, sae: SAE, tiny: TinyModel) -> None:
        self.sae, self.model = sae, tiny
        massive = bool(tiny.embedding[MASSIVE_TOKEN].norm() > THRESHOLD)
        self.rows = [torch.from_numpy(row) for row in text(massive).rows["report"]]
        self.x = [tiny.embedding[row].double() for row in self.rows]
        self.touched = [
            (row != 0) & (x.norm(dim=1) <= sae.massive) for row, x in zip(self.rows, self.x, strict=True)
        ]

    def flat(self) -> Tensor:
        return torch.cat([x[touched] for x, touched in zip(self.x, self.touched, strict=True)])

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        sae = self.sae
        scaled = x * sae.scale - (sae.b_dec.double() if sae.config.kind.subtract_b_dec else 0)
        f = (scaled @ sae.encoder.double().T + sae.b_enc.double()).clamp(min=0)
        if sae.config.kind.k:
            cut = f.topk(sae.config.kind.k, dim=1).values[:, -1:]
            f = torch.where(f >= cut, f, 0)
        return (f @ sae.W_dec.double() + sae.b_dec.double()) / sae.scale, f

    def logits(self, replace_by: object = None) -> list[Tensor]:
        out = []
        for row, x, touched in zip(self.rows, self.x, self.touched, strict=True):
            edited = x.clone()
            if replace_by is not None:
                edited[touched] = replace_by(x[touched])  # type: ignore[operator]
            real = torch.ones(1, len(row), dtype=torch.bool)
            out.append(self.model.resume(HOOK, edited[None], row[None], real)[0].log_softmax(1))
        return out

    def loss(self, replace_by: object = None) -> float:
        parts = [
            -logits[:-1].gather(1, row[1:, None])[:, 0]
            for logits, row in zip(self.logits(replace_by), self.rows, strict=True)
        ]
        return float(torch.cat(parts).mean())


@pytest.mark.parametrize("massive", [False, True])
def test_figures_equal_the_slow_version_in_float64(massive: bool) -> None:
    tiny, sae = model(massive), random_sae()
    slow = Slow(sae, tiny)
    found = run(sae, tiny)
    x = slow.flat()
    x_hat, f = slow.reconstruct(x)
    mean = x.mean(0)
    bias = sae.b_dec.double() / sae.scale
    assert found.positions == len(x)
    assert found.documents == 30
    fvu = float((x - x_hat).square().sum() / (x - mean).square().sum())
    assert found.fvu.value == pytest.approx(fvu, rel=1e-5)
    assert found.variance_explained.value == pytest.approx(1 - fvu, rel=1e-5)
    assert found.l0.value == pytest.approx(float((f > 0).sum(1).double().mean()), rel=1e-9)
    shrinkage = ((x_hat - bias).norm(dim=1) / (x - bias).norm(dim=1)).mean()
    assert found.shrinkage.value == pytest.approx(float(shrinkage), rel=1e-5)
    assert found.dead_share.value == pytest.approx(float((f == 0).all(0).double().mean()))
    density = (f > 0).double().mean(0)
    assert sum(share.value for share in found.density.shares) + found.dead_share.value == pytest.approx(1)
    for low, high, share in zip(
        found.density.edges, found.density.edges[1:], found.density.shares, strict=False
    ):
        inside = (density.log10() >= low) & ((density.log10() < high) | (high == 0))
        assert share.value == pytest.approx(float(inside.double().mean()))
    ce = found.ce
    plain, with_sae = slow.loss(), slow.loss(lambda x: slow.reconstruct(x)[0])
    zero, ablated = slow.loss(torch.zeros_like), slow.loss(mean.expand_as)
    expected = {
        "plain": plain,
        "sae": with_sae,
        "zero_ablated": zero,
        "mean_ablated": ablated,
        "added": with_sae - plain,
        "recovered_zero": (zero - with_sae) / (zero - plain),
        "recovered_mean": (ablated - with_sae) / (ablated - plain),
        "kl": float(
            torch.cat(
                [
                    (p.exp() * (p - q)).sum(1)[:-1]
                    for p, q in zip(slow.logits(), slow.logits(lambda x: slow.reconstruct(x)[0]), strict=True)
                ]
            ).mean()
        ),
    }
    for name, value in expected.items():
        assert getattr(ce, name).value == pytest.approx(value, rel=1e-5), name
    assert ce.predictions == sum(len(row) - 1 for row in slow.rows)


def test_an_identity_sae_loses_nothing() -> None:
    found = run(identity(), model(dtype=torch.float32))
    assert found.fvu == Figure(0.0, 0.0, 0.0)
    assert found.shrinkage.value == pytest.approx(1)
    assert found.ce.added == Figure(0.0, 0.0, 0.0)
    assert found.ce.kl.value == 0
    assert found.ce.recovered_mean == Figure(1.0, 1.0, 1.0)
    assert found.ce.recovered_zero == Figure(1.0, 1.0, 1.0)
    assert found.l0.value == D
    assert found.dead_share.value == 0


def test_an_sae_that_gives_zeros_is_zero_ablation() -> None:
    nothing = replace(identity(), encoder=torch.zeros(2 * D, D))
    found = run(nothing)
    assert found.ce.sae == found.ce.zero_ablated
    assert found.ce.recovered_zero.value == 0
    assert found.l0.value == 0
    assert found.l0_quantiles["max"] == 0
    assert found.dead_share.value == 1
    assert found.shrinkage.value == 0


def test_massive_positions_are_left_out_counted_and_passed_through() -> None:
    tiny = model(massive=True)
    seen: list[Tensor] = []

    class Watched(TinyModel):
        def resume(self, hook: object, x: Tensor, ids: Tensor, real: Tensor | None = None) -> Tensor:
            massive = ids == MASSIVE_TOKEN
            seen.append((x[massive] == tiny.embedding[MASSIVE_TOKEN]).all(1))
            excluded = (ids == 0) & (real if real is not None else ids == 0)
            assert torch.equal(x[excluded], self.embedding[ids[excluded]])
            return super().resume(hook, x, ids, real)  # type: ignore[arg-type]

    watched = Watched()
    watched.embedding = tiny.embedding
    found = run(random_sae(), watched)
    ids = torch.cat([torch.from_numpy(row[1:]) for row in text(massive=True).rows["report"]])
    share = float((ids == MASSIVE_TOKEN).double().mean())
    assert found.left_out.massive.value == pytest.approx(share)
    assert found.left_out.excluded == pytest.approx(30 / (len(ids) + 30))
    assert found.positions == int((ids != MASSIVE_TOKEN).sum())
    untouched = torch.cat(seen)
    # only the runs for `with_massive` touch them
    assert 0 < int((~untouched).sum()) < len(untouched) / 3
    assert found.with_massive is not None
    assert found.with_massive.positions == len(ids)
    assert found.with_massive.ce_added.value != found.ce.added.value
    assert any("massive" in note for note in found.notes)


def test_figures_with_massive_positions_are_those_of_an_sae_without_the_rule() -> None:
    tiny = model(massive=True)
    found = run(random_sae(), tiny).with_massive
    everything = run(replace(random_sae(), massive=math.inf), tiny)
    assert found is not None
    assert everything.with_massive is None
    assert found.fvu.value == pytest.approx(everything.fvu.value, rel=1e-6)
    assert found.l0.value == pytest.approx(everything.l0.value)
    assert found.ce_added.value == pytest.approx(everything.ce.added.value, rel=1e-5)


def test_batch_size_and_order_change_nothing_beyond_rounding() -> None:
    sae = random_sae()
    first, second = run(sae, baselines=True), run(sae, tokens_per_batch=100, baselines=True)
    for name in ("fvu", "l0", "shrinkage", "dead_share"):
        assert getattr(first, name).value == pytest.approx(getattr(second, name).value, rel=1e-6)
    for name in ("plain", "sae", "added", "kl", "recovered_mean"):
        assert getattr(first.ce, name).value == pytest.approx(getattr(second.ce, name).value, rel=1e-6)
    for name, baseline in first.baselines.items():
        assert baseline.fvu.value == pytest.approx(second.baselines[name].fvu.value, rel=1e-4, abs=1e-7)
        assert baseline.ce_added.value == pytest.approx(second.baselines[name].ce_added.value, rel=1e-4)


def test_the_lower_layers_run_once_a_batch_and_a_pass() -> None:
    tiny = model()
    run(random_sae(), tiny, tokens_per_batch=1000)
    assert tiny.forwards == 2  # one pass for fidelity, one for cross-entropy


def test_numbers_of_positions_are_kept_to_the_row() -> None:
    found = run(random_sae(), max_positions=50, ce_positions=20)
    assert 50 <= found.positions < 50 + 9
    assert 20 <= found.ce.positions < 20 + 9
    same = run(random_sae(), max_positions=50, ce_positions=20)
    assert same == found


def test_pca_is_that_of_the_training_positions() -> None:
    found = run(random_sae(), baselines=True)
    k = round(found.l0.value)
    train = torch.cat([torch.from_numpy(row[1:]) for row in text().rows["train"]])
    x = model().embedding[train].double()
    basis = torch.linalg.svd(x - x.mean(0)).Vh[:k].T
    held = Slow(random_sae(), model()).flat()
    left = (held - x.mean(0)) - (held - x.mean(0)) @ basis @ basis.T
    fvu = float(left.square().sum() / (held - held.mean(0)).square().sum())
    pca = found.baselines["pca"]
    assert pca.what == f"PCA with {k} directions"
    assert pca.fvu.value == pytest.approx(fvu, rel=1e-5)

    def projected(y: Tensor) -> Tensor:
        return (y - x.mean(0)) @ basis @ basis.T + x.mean(0)

    slow = Slow(random_sae(), model())
    assert pca.ce_added.value == pytest.approx(slow.loss(projected) - slow.loss(), rel=1e-4)
    squares = (held - x.mean(0)).square().sort(1, descending=True).values
    neurons = float(squares[:, k:].sum() / (held - held.mean(0)).square().sum())
    assert found.baselines["neurons"].fvu.value == pytest.approx(neurons, rel=1e-5)


def test_an_untrained_sae_is_no_better_than_its_twin_and_a_trained_one_beats_it() -> None:
    found = run(identity(), baselines=True)
    untrained = found.baselines["untrained"]
    assert untrained.l0.value > 0
    assert untrained.fvu.value > 0.05
    assert found.fvu.value < untrained.fvu.value


def test_an_untrained_sae_that_keeps_k_in_the_mean_keeps_about_as_many() -> None:
    trained = SAE.initialise(
        config(BatchTopK(k=3), 16), mean=torch.full((D,), 0.5), scale=1.25, massive=THRESHOLD
    )
    found = run(trained.with_threshold(torch.ones(16)), baselines=True)
    assert found.baselines["untrained"].l0.value == pytest.approx(
        3, abs=0.6
    )  # of 16, of which half are above 0
