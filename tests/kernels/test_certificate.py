from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monosema.kernels import CertifiedEncoder, ExactEncoder, SparseActs, certificate
from monosema.kernels.certificate import HALF_ULP

pytestmark = pytest.mark.usefixtures("kernels")

D, F, N, K = 32, 1031, 48, 8
Data = tuple[Tensor, Tensor, Tensor]


def plain(g: torch.Generator) -> Data:
    W = torch.nn.functional.normalize(torch.randn(F, D, generator=g), dim=1)
    return torch.randn(N, D, generator=g), W, 0.1 * torch.randn(F, generator=g)


def massive_dims(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    x[:, :3] *= 300
    return x, W, b


def mean_kept(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    return x + 10 * torch.randn(D, generator=g), W, b


def norms_log_normal(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    return x, W * torch.exp(1.5 * torch.randn(F, 1, generator=g)), b


def near_ties(g: torch.Generator) -> Data:
    """Scores that differ far below bf16, yet above fp32."""
    x, W, b = plain(g)
    return x, W[:40].repeat(26, 1)[:F] * (1 + 1e-4 * torch.rand(F, 1, generator=g)), 0 * b


def all_negative(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    return x, W, b - 50


def duplicates(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    W[100:110], b[100:110] = W[3], b[3]
    return x, W, b


def large_bias(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    return x, W, 1000 + b


def tiny(g: torch.Generator) -> Data:
    x, W, b = plain(g)
    return x * 1e-20, W * 1e-10, b * 1e-30


CASES: dict[str, Callable[[torch.Generator], Data]] = {
    f.__name__: f
    for f in (
        plain, massive_dims, mean_kept, norms_log_normal, near_ties, all_negative, duplicates, large_bias, tiny
    )
}  # fmt: skip


def data(name: str, seed: int = 0) -> Data:
    return CASES[name](torch.Generator().manual_seed(seed))


def assert_top_k(acts: SparseActs, x: Tensor, W: Tensor, b: Tensor, k: int) -> None:
    """Values are exact, and nothing left out is larger than what was taken, beyond rounding of fp32 sums."""
    exact = x.double() @ W.double().T + b.double()
    slack = 4e-6 * (x.norm(dim=1, keepdim=True) * W.norm(dim=1).max() + b.abs().max()).double()
    taken = acts.dense() > 0
    torch.testing.assert_close(acts.dense().double()[taken], exact[taken], rtol=1e-5, atol=float(slack.max()))
    floor = exact.topk(k, dim=1).values[:, -1:].clamp_min(0)
    assert (taken | (exact <= floor + slack)).all()
    assert (~taken | (exact >= floor - slack)).all()
    assert (acts.offsets.diff() <= k).all()
    surely = (exact.topk(k, dim=1).values > slack).sum(1)
    assert (acts.offsets.diff() >= surely).all()


@pytest.mark.parametrize("name", CASES)
def test_the_shortlist_gives_the_fp32_top_k(name: str) -> None:
    x, W, b = data(name)
    certified = CertifiedEncoder(W, b, N).top_k(x, K)
    assert_top_k(certified.acts, x, W, b, K)
    exact = ExactEncoder(W, b, N).top_k(x, K)
    assert_top_k(exact.acts, x, W, b, K)
    if name not in ("near_ties", "duplicates", "large_bias"):
        assert torch.equal(certified.acts.dense() > 0, exact.acts.dense() > 0)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(sorted(CASES)), seed=st.integers(0, 10**6))
def test_the_measured_error_stays_within_the_bound(name: str, seed: int) -> None:
    x, W, b = data(name, seed)
    encoder = CertifiedEncoder(W, b, N)
    scores, error = encoder._score(x)
    exact = x.double() @ W.double().T + b.double()
    y = scores[: len(x)].double()
    assert ((y - exact).abs() <= error[:, None] + HALF_ULP * y.abs()).all()


def test_the_bound_is_not_vacuous() -> None:
    x, W, b = data("plain")
    found = CertifiedEncoder(W, b, N).top_k(x, K)
    assert found.fallback_rows == 0
    assert found.candidates < 4 * K * N


def test_an_overflowing_shortlist_falls_back_to_the_fp32_row() -> None:
    x, W, b = data("plain")
    within = CertifiedEncoder(W, b, N).top_k(x, K)
    some = CertifiedEncoder(W, b, N, cap=within.candidates // N + 2).top_k(x, K)
    assert 0 < some.fallback_rows < N
    every = CertifiedEncoder(W, b, N, cap=1).top_k(x, K)
    assert every.fallback_rows == N
    for found in (some, every):
        assert torch.equal(found.acts.dense() > 0, within.acts.dense() > 0)
        assert_top_k(found.acts, x, W, b, K)


def test_rows_of_equal_scores_overflow_and_are_still_right() -> None:
    x, W, b = data("plain")
    found = CertifiedEncoder(W * 0, b * 0 + 1, N).top_k(x, K)
    assert found.fallback_rows == N
    assert found.acts.indices.view(N, K).sort(dim=1).values.tolist() == [list(range(K))] * N


def test_a_bound_that_is_not_finite_falls_back() -> None:
    x, W, b = data("plain")
    x[5] *= 1e38
    found = CertifiedEncoder(W, b, N).top_k(x, K)
    assert found.fallback_rows >= 1
    rest = torch.arange(N) != 5
    assert_top_k(found.acts.select(rest.nonzero().flatten()), x[rest], W, b, K)


@pytest.mark.parametrize("bound", [0.0, 0.75])
def test_every_score_above_a_bound_is_found(bound: float) -> None:
    for name in ("plain", "massive_dims", "norms_log_normal", "all_negative"):
        x, W, b = data(name)
        b = b - 1.5
        certified, exact = (make(W, b, N).above(x, bound, N * F) for make in (CertifiedEncoder, ExactEncoder))
        assert not isinstance(certified, Tensor)
        assert not isinstance(exact, Tensor)
        difference = certified.acts.dense() - exact.acts.dense()
        assert difference.abs().max() <= 1e-5 * x.norm(dim=1).max() * W.norm(dim=1).max()


def test_dense_pre_activations_are_handed_over_above_the_limit() -> None:
    x, W, b = data("plain")
    active = int((x @ W.T + b > 0).sum())
    for make in (CertifiedEncoder, ExactEncoder):
        dense = make(W, b, N).above(x, 0.0, active // 2)
        assert isinstance(dense, Tensor)
        torch.testing.assert_close(dense, x @ W.T + b)
    assert not isinstance(ExactEncoder(W, b, N).above(x, 0.0, active), Tensor)
    assert isinstance(ExactEncoder(W, b, N).above(x, 0.0, active - 1), Tensor)


def test_changed_weights_are_seen_after_refresh() -> None:
    x, W, b = data("plain")
    encoder = CertifiedEncoder(W, b, N)
    W.mul_(-1)
    encoder.refresh()
    assert_top_k(encoder.top_k(x, K).acts, x, W, b, K)


def test_norms_and_losses_of_rounding_are_measured() -> None:
    _, W, b = data("norms_log_normal")
    encoder = CertifiedEncoder(W, b, N)
    rounded = W.bfloat16().float()
    torch.testing.assert_close(encoder.weight_norms, rounded.norm(dim=1))
    torch.testing.assert_close(encoder.weight_losses, (W - rounded).norm(dim=1))


def test_few_features_need_no_shortlist() -> None:
    x, W, b = data("plain")
    found = CertifiedEncoder(W[:50].clone(), b[:50].clone(), N).top_k(x, K)
    assert_top_k(found.acts, x, W[:50], b[:50], K)


@pytest.mark.parametrize("few", [31, 32, 48, 63, 64])
def test_one_of_few_features_is_found_with_or_without_a_shortlist(few: int) -> None:
    x, W, b = data("plain")
    found = CertifiedEncoder(W[:few].clone(), b[:few].clone(), N).top_k(x, 1)
    assert_top_k(found.acts, x, W[:few], b[:few], 1)


def test_chunks_of_any_size_are_multiplied_in_few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    multiplied, shapes = certificate._mm, set[int]()

    def noted(inputs: Tensor, weights: Tensor, out: Tensor) -> None:
        shapes.add(len(inputs))
        multiplied(inputs, weights, out)

    monkeypatch.setattr(certificate, "_mm", noted)
    x, W, b = data("plain")
    x = x.repeat(4, 1)[:150]
    encoder = CertifiedEncoder(W, b, len(x))
    encoder.top_k(torch.full_like(x, torch.nan), K)  # what stays behind in the buffers harms nobody
    for n in range(1, len(x) + 1, 7):
        assert_top_k(encoder.top_k(x[:n], K).acts, x[:n], W, b, K)
    assert shapes == {64, 128, 150}
