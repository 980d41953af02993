"""What an SAE does to raw activations, and which changes of its weights change nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from monosema.errors import ActivationError, UsageError
from monosema.sae import (
    KINDS,
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

D, F, SCALE = 12, 40, 0.31


def make(kind: TopK | L1, *, seed: int = 3, massive: float = math.inf) -> SAE:
    """An SAE as it might be after some training: norms, biases and encoder all differ."""
    config = SAEConfig(
        kind=kind,
        d_model=D,
        d_sae=F,
        input="resid_post.1",
        output="resid_post.1",
        model="tiny",
        model_hash="ab" * 32,
        seed=seed,
    )
    sae = SAE.initialise(config, mean=torch.full((D,), 0.7), scale=SCALE, massive=massive)
    generator = torch.Generator().manual_seed(seed)
    sae.encoder.add_(torch.randn(F, D, generator=generator), alpha=0.2)
    sae.b_enc.add_(torch.randn(F, generator=generator), alpha=0.1)
    sae.b_dec.add_(torch.randn(D, generator=generator), alpha=0.1)
    if not kind.unit_decoder:
        sae.W_dec.mul_(torch.rand(F, 1, generator=generator) * 2 + 0.5)
    return sae


def activations(n: int = 50, seed: int = 8) -> Tensor:
    return torch.randn(n, D, generator=torch.Generator().manual_seed(seed)) * 4 + 0.7


ALL = [make(TopK(k=5)), make(L1())]
kinds = pytest.mark.parametrize("sae", ALL, ids=["topk", "l1"])


def dense_twin(sae: SAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Formulas of docs/formats.md, in float64."""
    b_dec, encoder, W_dec = sae.b_dec.double(), sae.encoder.double(), sae.W_dec.double()
    s, g = sae.scale, sae.folded.scale if sae.folded else 1.0
    y = s * x.double() - (b_dec if sae.config.kind.subtract_b_dec else 0)
    norms = W_dec.norm(dim=1)
    a = (y @ encoder.T + sae.b_enc.double()).relu() * norms * g
    if sae.config.kind.k is not None:
        top = a.topk(sae.config.kind.k, dim=1)
        a = torch.zeros_like(a).scatter(1, top.indices, top.values)
    if sae.threshold is not None:
        a = torch.where(a > sae.threshold, a, 0)
    return a, ((a / (norms * g)) @ W_dec + b_dec) / s


def assert_same(got: SAE, wanted: SAE, x: Tensor) -> None:
    a, b = got.encode(x), wanted.encode(x)
    assert torch.equal(a.offsets, b.offsets)
    assert torch.equal(a.indices, b.indices)
    torch.testing.assert_close(a.values, b.values, rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(got.decode(a), wanted.decode(b), rtol=2e-5, atol=2e-5)


@kinds
def test_encode_and_decode_equal_the_formulas_in_float64(sae: SAE) -> None:
    x = activations()
    a, x_hat = dense_twin(sae, x)
    acts = sae.encode(x)
    torch.testing.assert_close(acts.dense().double(), a, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(sae.decode(acts).double(), x_hat, rtol=1e-5, atol=1e-5)
    assert torch.equal(sae.reconstruct(x), sae.decode(acts))


@kinds
def test_encode_does_not_depend_on_how_rows_are_chunked(sae: SAE, monkeypatch: pytest.MonkeyPatch) -> None:
    x = activations()
    whole = sae.encode(x)
    monkeypatch.setattr("monosema.sae.selection.CHUNK_BYTES", 7 * 4 * F)
    parts = sae.encode(x)
    assert torch.equal(whole.offsets, parts.offsets)
    assert torch.equal(whole.indices, parts.indices)
    torch.testing.assert_close(whole.values, parts.values)


@kinds
def test_no_activations_give_no_rows(sae: SAE) -> None:
    acts = sae.encode(torch.empty(0, D))
    assert acts.offsets.tolist() == [0]
    assert sae.decode(acts).shape == (0, D)
    assert sae.substitute(torch.empty(2, 0, D)).shape == (2, 0, D)


def test_topk_keeps_at_most_k_and_only_what_is_above_zero() -> None:
    sae = make(TopK(k=30))
    acts = sae.encode(activations())
    counts = acts.offsets.diff()
    assert counts.max() <= 30
    assert counts.min() < 30
    assert (acts.values > 0).all()


@kinds
@pytest.mark.parametrize("form", ["F1", "F2"])
def test_folding_the_scale_keeps_a_support_and_reconstruction(sae: SAE, form: Literal["F1", "F2"]) -> None:
    sae = sae.with_threshold(torch.full((F,), 0.4))
    folded = sae.fold_scale(form)
    assert folded.scale == 1
    assert folded.folded is not None
    assert folded.folded.scale == SCALE
    assert folded.unit == sae.unit == SCALE
    assert_same(folded, sae, activations())
    a, _ = dense_twin(folded, activations())
    torch.testing.assert_close(folded.encode(activations()).dense().double(), a, rtol=1e-5, atol=1e-5)


def test_the_two_foldings_move_the_scale_as_the_format_page_says() -> None:
    sae = make(L1())
    one, two = sae.fold_scale("F1"), sae.fold_scale("F2")
    assert torch.equal(one.encoder, sae.encoder * SCALE)
    assert torch.equal(one.W_dec, sae.W_dec / SCALE)
    assert torch.equal(one.b_enc, sae.b_enc)
    assert torch.equal(two.b_enc, sae.b_enc / SCALE)
    assert torch.equal(two.encoder, sae.encoder)
    assert torch.equal(two.W_dec, sae.W_dec)
    assert torch.equal(one.b_dec, two.b_dec)


@kinds
@pytest.mark.parametrize("form", [None, "F1", "F2"])
def test_another_unit_multiplies_a_and_leaves_support_and_reconstruction(
    sae: SAE, form: Literal["F1", "F2"] | None
) -> None:
    sae = sae.with_threshold(torch.full((F,), 0.4))
    sae = sae.fold_scale(form) if form else sae
    other = sae.with_unit(3 * SCALE)
    assert other.unit == 3 * SCALE
    x = activations()
    a, b = other.encode(x), sae.encode(x)
    assert torch.equal(a.indices, b.indices)
    torch.testing.assert_close(a.values, 3 * b.values, rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(other.decode(a), sae.decode(b), rtol=2e-5, atol=2e-5)


def test_a_folded_scale_is_not_folded_again() -> None:
    with pytest.raises(UsageError, match=r"folded already \(F1\)"):
        make(L1()).fold_scale("F1").fold_scale("F2")


@kinds
@pytest.mark.parametrize("form", [None, "F1", "F2"])
def test_folding_decoder_norms_keeps_a_support_and_reconstruction(
    sae: SAE, form: Literal["F1", "F2"] | None
) -> None:
    sae = sae.fold_scale(form) if form else sae
    folded = sae.fold_decoder_norms()
    torch.testing.assert_close(folded.decoder_norms, torch.ones(F))
    assert_same(folded, sae, activations())


def test_a_feature_with_a_zero_decoder_row_is_never_active_and_harms_nothing() -> None:
    sae = make(L1())
    sae.W_dec[4] = 0
    for variant in (sae, sae.fold_decoder_norms()):
        acts = variant.encode(activations())
        assert 4 not in acts.indices
        assert torch.isfinite(variant.decode(acts)).all()


@kinds
def test_an_activation_adds_its_direction_to_the_residual_stream(sae: SAE) -> None:
    x = activations(6)
    acts = sae.encode(x)
    summed = acts.dense() @ sae.directions(torch.arange(F)) + sae.b_dec / sae.scale
    torch.testing.assert_close(summed, sae.decode(acts), rtol=1e-4, atol=1e-5)
    norms = sae.directions(torch.arange(F)).norm(dim=1)
    torch.testing.assert_close(norms, torch.full((F,), 1 / SCALE))


@kinds
def test_a_threshold_keeps_only_what_is_strictly_above_it(sae: SAE) -> None:
    x = activations()
    plain = sae.encode(x)
    feature, value = int(plain.indices[0]), float(plain.values[0])
    threshold = torch.zeros(F)
    threshold[feature] = value
    acts = sae.with_threshold(threshold).encode(x)
    dense = plain.dense()
    dense[:, feature] = torch.where(dense[:, feature] > value, dense[:, feature], 0)
    assert torch.equal(acts.dense(), dense)
    assert acts.dense()[0, feature] == 0


def test_massive_positions_pass_through_unchanged() -> None:
    sae = make(TopK(k=5), massive=40.0)
    x = activations(12).reshape(3, 4, D)
    x[1, 2] *= 100
    assert sae.massive_mask(x).nonzero().tolist() == [[1, 2]]
    out = sae.substitute(x)
    assert torch.equal(out[1, 2], x[1, 2])
    torch.testing.assert_close(out[0], sae.reconstruct(x[0]))
    assert not torch.equal(out[0], x[0])


def test_a_norm_equal_to_the_threshold_is_not_massive() -> None:
    sae = make(TopK(k=5), massive=5.0)
    x = torch.zeros(2, D)
    x[0, :2] = torch.tensor([3.0, 4.0])
    x[1, :2] = torch.tensor([3.1, 4.0])
    assert sae.massive_mask(x).tolist() == [False, True]


def test_substitution_keeps_the_type_of_the_forward_pass() -> None:
    sae = make(TopK(k=5), massive=40.0)
    x = activations(4).bfloat16()
    x[1] *= 100
    out = sae.substitute(x)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out[1], x[1])
    assert torch.equal(out[0], sae.reconstruct(x[:1].float()).bfloat16()[0])


def test_another_width_is_refused_with_both_widths() -> None:
    with pytest.raises(UsageError, match=r"width 13; this SAE reads resid_post.1 of tiny, width 12"):
        ALL[0].encode(torch.zeros(2, 13))


def test_nan_is_named_by_its_row() -> None:
    x = activations()
    x[7, 3] = math.nan
    with pytest.raises(ActivationError, match=r"resid_post.1, row 7"):
        ALL[0].encode(x)


def test_another_model_is_refused_in_one_line() -> None:
    ALL[0].check_model("renamed", "ab" * 32)
    with pytest.raises(UsageError, match=r"belongs to tiny \(weights abababababab\), not to other") as caught:
        ALL[0].check_model("other", "cd" * 32)
    assert "\n" not in str(caught.value)


def test_topk_starts_at_the_mean_with_unit_rows_and_a_tied_encoder() -> None:
    config = ALL[0].config
    mean = torch.arange(D).float()
    sae = SAE.initialise(config, mean=mean, scale=2.0)
    torch.testing.assert_close(sae.decoder_norms, torch.ones(F))
    assert torch.equal(sae.encoder, sae.W_dec)
    assert sae.encoder.data_ptr() != sae.W_dec.data_ptr()
    assert torch.equal(sae.b_dec, mean * 2)
    assert torch.equal(sae.b_enc, torch.zeros(F))
    assert torch.equal(sae.W_enc, sae.encoder.T)
    assert torch.equal(SAE.initialise(config, mean=mean, scale=2.0).encoder, sae.encoder)
    other = SAE.initialise(replace(config, seed=99), mean=mean, scale=2.0)
    assert not torch.equal(other.encoder, sae.encoder)


@pytest.mark.parametrize(("at_mean", "expected"), [(False, 0.0), (True, 2.0)])
def test_l1_starts_with_rows_of_one_norm_and_b_dec_as_set(at_mean: bool, expected: float) -> None:
    config = replace(ALL[1].config, kind=L1(init_decoder_norm=0.25, b_dec_at_mean=at_mean))
    sae = SAE.initialise(config, mean=torch.ones(D), scale=2.0)
    torch.testing.assert_close(sae.decoder_norms, torch.full((F,), 0.25))
    assert torch.equal(sae.encoder, sae.W_dec)
    assert torch.equal(sae.b_dec, torch.full((D,), expected))


@pytest.mark.parametrize(
    ("d_model", "aux_k"), [(576, 256), (512, 256), (768, 512), (4096, 512), (12, 8), (1, 1)]
)
def test_aux_k_is_half_the_width_as_a_power_of_two_up_to_512(d_model: int, aux_k: int) -> None:
    assert TopK().aux_latents(d_model) == aux_k
    assert TopK(aux_k=0).aux_latents(d_model) == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (TopK(k=0), r"k is 0; expected 1 to 40 \(d_sae\); try k = 32"),
        (TopK(k=41), r"k is 41; expected 1 to 40"),
        (TopK(aux_k=-1), r"aux_k is -1"),
        (TopK(aux_coefficient=-1), r"aux_coefficient is -1"),
        (L1(l1_coefficient=-1), r"l1_coefficient is -1"),
        (L1(init_decoder_norm=0), r"init_decoder_norm is 0"),
        (L1(p_end=0), r"p_end is 0; expected more than 0"),
        (L1(p_start=1), r"p_start is 1; expected a share"),
        (BatchTopK(k=41), r"k is 41; expected 1 to 40"),
        (MatryoshkaBatchTopK(widths=(8, 8)), r"widths is \[8, 8\]; expected ascending numbers from 1 to 40"),
        (MatryoshkaTopK(widths=(8, 41)), r"widths is \[8, 41\]; expected ascending numbers from 1 to 40"),
        (MatryoshkaTopK(widths=()), r"widths is \[\]; expected ascending .* try \[10, 20\]"),
        (JumpReLU(bandwidth=0), r"bandwidth is 0; expected more than 0"),
        (JumpReLU(initial_threshold=-1), r"initial_threshold is -1"),
        (JumpReLU(target_l0=50), r"target_l0 is 50; expected more than 0, at most 40"),
        (JumpReLU(l0_coefficient=math.nan), r"l0_coefficient is nan"),
        (TanhJumpReLU(tanh_scale=0), r"tanh_scale is 0"),
        (TanhJumpReLU(silent_coefficient=-1), r"silent_coefficient is -1"),
        (Gated(l1_coefficient=-1), r"l1_coefficient is -1"),
    ],
)
def test_settings_out_of_range_are_refused(kind: Kind, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(ALL[0].config, kind=kind)


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_has_its_name_and_traits(name: str) -> None:
    kind = KINDS[name]()
    assert kind.name == name
    assert isinstance(kind.subtract_b_dec, bool)


def test_parts_that_do_not_fit_the_config_are_refused() -> None:
    with pytest.raises(UsageError, match=r"encoder has shape \(40, 12\) .* expected \(41, 12\)"):
        replace(ALL[0], config=replace(ALL[0].config, d_sae=41))
    with pytest.raises(UsageError, match=r"torch.float64"):
        replace(ALL[0], b_enc=torch.zeros(F, dtype=torch.float64))
    with pytest.raises(UsageError, match=r"scale is 0"):
        replace(ALL[0], scale=0.0)
