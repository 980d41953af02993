"""What training goes on from encodes as what it was made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from monosema.errors import UsageError
from monosema.sae import (
    L1,
    SAE,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    SAEConfig,
    TanhJumpReLU,
    TopK,
    start_from,
    towards_data,
)
from sae.foreign import D, F, positions, save_saelens, weights


def made(kind: Kind, *, threshold: bool = False, unit: bool = False) -> SAE:
    tensors = weights(threshold=threshold, unit=unit)
    config = SAEConfig(
        kind=kind, d_model=D, d_sae=F, input="a.3", output="a.3", model="tiny", model_hash="abc"
    )
    encoder = tensors.pop("W_enc").T.contiguous()
    return SAE(config=config, encoder=encoder, scale=0.3, **tensors)


def begun(given: SAE, kind: Kind, **how: Any) -> SAE:
    return start_from(given, replace(given.config, kind=kind), **{"scale": 0.3, **how})


@pytest.mark.parametrize("scale", [0.3, 1.7])
@pytest.mark.parametrize("fold", ["F1", "F2", None])
@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (made(L1()), L1(l1_coefficient=2.0)),
        (made(TopK(k=5), unit=True), TopK(k=5, aux_k=0)),
        (made(L1(), threshold=True), JumpReLU()),
        (made(JumpReLU(), threshold=True), TanhJumpReLU()),
        (made(L1(), threshold=True), Gated()),
        (made(Gated(), threshold=True), JumpReLU()),
    ],
)
def test_activations_and_reconstructions_are_the_same(
    given: SAE, kind: Kind, fold: Any, scale: float
) -> None:
    x = positions()
    sae = begun(given if fold is None else given.fold_scale(fold), kind, scale=scale)
    mine, theirs = sae.encode(x).dense() / scale, given.encode(x).dense() / given.scale
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(sae.reconstruct(x), given.reconstruct(x), rtol=1e-5, atol=2e-5)
    assert (sae.scale, sae.folded, sae.config.kind) == (scale, None, kind)


def test_unfolding_is_the_inverse_of_folding() -> None:
    sae = made(L1(), threshold=True)
    for form in ("F1", "F2"):
        back = sae.fold_scale(form).unfold_scale()
        assert back.scale == sae.scale
        for name, tensor in sae.tensors().items():
            torch.testing.assert_close(back.tensors()[name], tensor)


def test_an_sae_that_saelens_saved_can_be_gone_on_from(tmp_path: Any) -> None:
    folder = save_saelens(tmp_path, weights(threshold=True), "jumprelu")
    given, x = SAE.load(folder, format="saelens"), positions()
    sae = begun(given, JumpReLU(), scale=0.21)
    torch.testing.assert_close(sae.reconstruct(x), given.reconstruct(x), rtol=1e-5, atol=2e-5)


def test_thresholds_are_left_out_where_training_has_none_and_begin_where_it_has() -> None:
    assert begun(made(L1(), threshold=True), BatchTopK(k=4)).threshold is None
    begins = begun(made(TopK(k=5), unit=True), JumpReLU(initial_threshold=0.7)).threshold
    assert begins is not None
    torch.testing.assert_close(begins, torch.full((F,), 0.7))


def test_what_was_given_is_left_as_it_is_and_another_size_is_refused() -> None:
    given = made(L1())
    sae = begun(given, L1())
    for tensor in sae.tensors().values():
        tensor.zero_()
    assert all(tensor.any() for tensor in given.tensors().values())
    with pytest.raises(UsageError, match="d_sae is 41, but the SAE to start from has 40; leave d_sae out"):
        start_from(given, replace(given.config, d_sae=41), scale=1.0)


@pytest.mark.parametrize("kind", [L1(), TopK(k=5), JumpReLU()], ids=lambda kind: kind.name)
def test_rows_turn_towards_data_and_keep_their_norms(kind: Kind) -> None:
    config = replace(made(L1()).config, kind=kind)
    mean = torch.arange(D, dtype=torch.float32)
    sae, plain = (SAE.initialise(config, mean=mean, scale=0.3) for _ in range(2))
    x = mean + torch.randn(F, D, generator=torch.Generator().manual_seed(0))
    towards_data(sae, x)
    towards = torch.nn.functional.normalize(x * 0.3 - sae.b_dec, dim=1)
    for rows, old in ((sae.encoder, plain.encoder), (sae.W_dec, plain.W_dec)):
        torch.testing.assert_close(rows.norm(dim=1), old.norm(dim=1))
        assert torch.cosine_similarity(rows, towards).min() > 0.9
    assert torch.equal(sae.b_enc.any(), plain.b_enc.any())
    if kind.name == "jumprelu":
        torch.testing.assert_close(sae.b_enc, -(sae.encoder @ sae.b_dec))
    with pytest.raises(UsageError, match="39 positions to start from; expected one for each of 40"):
        towards_data(sae, x[1:])
