"""How close is a training step to the encoder product that it cannot do without?

    python -m benchmarks.train_step --json

Each figure is a ratio of medians, timed in turns in one process, on 2 threads and under the same malloc settings:
a whole step (forward, gradients, clip, Adam, decoder norms) over one fp32 product of batch and encoder
[`step_over_gemm_*`: TopK by a bf16 shortlist, `*_fp32`: by the fp32 product; `KIND_over_gemm_*`: other kinds at the L0
of a trained SAE, `auxk_*`: TopK with a tenth and with half of the features dead], and dense autograd with fused Adam,
in the faster of two layouts, over our step.
Data: a sparse mix of true directions with power-law frequencies, noise and a mean; half-trained weights, so that
selection meets what it meets in the midst of training.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, normalize

from benchmarks.harness import arguments, has_bf16_units, medians_in_turns, report, with_kept_memory
from monosema.sae import L1, BatchTopK, Gated, JumpReLU, Kind, MatryoshkaBatchTopK, TanhJumpReLU, TopK
from monosema.training import Step, StepConfig

THREADS = 2
ON = 40  # true directions on at a position
LR = 1e-4
L0 = 60  # of kinds whose sparsity is no setting
LAMBDA = 5.0
DEAD_SHARES = {"auxk": 0.1, "auxk_half": 0.5}
LONG_SILENT = 1 << 40
NO_BF16 = "no bf16 units here: figure not measurable"


@dataclass(frozen=True, kw_only=True)
class Size:
    """One row of the benchmark."""

    d_model: int
    d_sae: int
    k: int
    batch: int
    everything: bool
    """Whether dense autograd, L1 and AuxK are timed too."""


SIZES = {
    "s1": Size(d_model=512, d_sae=8192, k=32, batch=4096, everything=True),
    "s2": Size(d_model=768, d_sae=24576, k=32, batch=4096, everything=False),
    "tiny": Size(d_model=64, d_sae=1024, k=8, batch=512, everything=True),
}
TARGETS = {
    "step_over_gemm_s1": ("<=", 0.65),
    "step_over_gemm_s2": ("<=", 0.45),
    "step_over_gemm_s1_fp32": ("<=", 1.5),
    "step_over_gemm_s2_fp32": ("<=", 1.4),
    "l1_over_gemm_s1": ("<=", 1.0),
    "l1_over_gemm_s2": ("<=", 0.7),
    "jumprelu_over_gemm_s1": ("<=", 1.0),
    "jumprelu_over_gemm_s2": ("<=", 0.7),
    "dense_over_step_s1": (">=", 6.0),
}


def make_data(size: Size, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return positions [batch, d_model], of mean norm √d_model, and a half-trained dictionary [d_sae, d_model]."""
    g = torch.Generator().manual_seed(seed)
    d, F = size.d_model, size.d_sae
    truth = normalize(torch.randn(F, d, generator=g), dim=1)
    frequency = (torch.arange(F) + 10.0).pow(-0.7)
    x = torch.empty(size.batch, d)
    for part in x.split(512):
        on = torch.multinomial(frequency.expand(len(part), F), ON, generator=g)
        strength = 0.5 + torch.empty(len(part), ON).exponential_(generator=g)
        part.copy_(embedding_bag(on, truth, per_sample_weights=strength, mode="sum"))
    x += 0.3 * (ON / d) ** 0.5 * torch.randn(x.shape, generator=g)
    x += 0.1 * torch.randn(d, generator=g)
    x *= d**0.5 / x.norm(dim=1).mean()
    return x, normalize(truth + 0.5 / d**0.5 * torch.randn(F, d, generator=g), dim=1)


def our_step(size: Size, rows: Tensor, kind: Kind, gemm: str, bound: Tensor) -> Step:
    """Our step on fresh copies of the weights; where k does not limit them, codes begin at a bound."""
    b_enc, threshold = torch.zeros(size.d_sae), None
    if kind.thresholds == "trained":
        threshold = torch.full((size.d_sae,), float(bound))
    elif kind.k is None:
        b_enc -= bound
    weights = (rows.clone(), rows.clone(), b_enc, torch.zeros(size.d_model))
    return Step(*weights, StepConfig(kind=kind, encoder_gemm=gemm), size.batch, threshold=threshold)


def other_kinds(k: int) -> dict[str, Kind]:
    """Kinds that are timed beside TopK, by the names of their figures."""
    return {
        "l1": L1(),
        "jumprelu": JumpReLU(target_l0=None),
        "tanh": TanhJumpReLU(),
        "gated": Gated(),
        "batchtopk": BatchTopK(k=k, aux_k=0),
        "matryoshka": MatryoshkaBatchTopK(k=k, aux_k=0),
    }


def dense_step(size: Size, rows: Tensor, x: Tensor, *, columns: bool) -> Callable[[], float]:
    """Dense autograd with torch's fused Adam, clip and unit rows; `columns`: the encoder lies [d_model, d_sae]."""
    encoder = (rows.T.contiguous() if columns else rows.clone()).requires_grad_()
    decoder, b_enc = rows.clone().requires_grad_(), torch.zeros(size.d_sae, requires_grad=True)
    b_dec = torch.zeros(size.d_model, requires_grad=True)
    weights = [encoder, decoder, b_enc, b_dec]
    adam = torch.optim.Adam(weights, lr=LR, fused=True)

    def step() -> float:
        pre_acts = (x - b_dec) @ (encoder if columns else encoder.T) + b_enc
        top = pre_acts.relu().topk(size.k, dim=1, sorted=False)
        acts = torch.zeros_like(pre_acts).scatter(1, top.indices, top.values)
        loss = (acts @ decoder + b_dec - x).square().sum(1).mean()
        loss.backward()
        with torch.no_grad():
            gradient = decoder.grad
            assert gradient is not None
            gradient.sub_((gradient * decoder).sum(1, keepdim=True) * decoder)
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            adam.zero_grad()
            decoder.div_(decoder.norm(dim=1, keepdim=True))
        return loss.item()

    return step


def bound_for(l0: int, x: Tensor, rows: Tensor) -> Tensor:
    """The pre-activation above which so many features are at a position."""
    return (x[:512] @ rows.T).topk(l0 + 1, dim=1).values[:, -1].mean()


def with_dead(step: Step, dead: Tensor, x: Tensor) -> Callable[[], object]:
    """A step before which these features count as long silent."""

    def run() -> object:
        step.silent[dead] = LONG_SILENT
        return step.step(x, lr=LR)

    return run


def measure(name: str, size: Size, rounds: int) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Figures, milliseconds and notes of one size."""
    x, rows = make_data(size)
    bound = bound_for(L0, x, rows)
    product, bf16 = torch.empty(size.batch, size.d_sae), has_bf16_units()
    best = "bf16" if bf16 else "fp32"
    topk = TopK(k=size.k, aux_k=0)
    steps = {"fp32": our_step(size, rows, topk, "fp32", bound)}
    notes = {} if bf16 else {f"step_over_gemm_{name}": NO_BF16}
    if bf16:
        steps["bf16"] = our_step(size, rows, topk, "bf16", bound)
    for kind in other_kinds(size.k):
        steps[kind] = our_step(size, rows, other_kinds(size.k)[kind], best, bound)
    cases: dict[str, Callable[[], object]] = {"gemm": lambda: torch.mm(x, rows.T, out=product)}
    for case, step in steps.items():
        cases[case] = partial(step.step, x, lr=LR, l1=LAMBDA)
    if size.everything:
        cases["dense rows"] = dense_step(size, rows, x, columns=False)
        cases["dense columns"] = dense_step(size, rows, x, columns=True)
        order = torch.randperm(size.d_sae, generator=torch.Generator().manual_seed(1))
        for case, share in DEAD_SHARES.items():
            auxk = our_step(size, rows, TopK(k=size.k, aux_k=size.d_model // 2), best, bound)
            cases[case] = with_dead(auxk, order[: int(share * size.d_sae)], x)
            notes[f"{case}_over_gemm_{name}"] = f"{share:.0%} of features dead, k_aux {size.d_model // 2}"
    ms = medians_in_turns(cases, rounds=rounds)
    floor = ms["gemm"]
    figures = {f"step_over_gemm_{name}_fp32": ms["fp32"] / floor}
    if bf16:
        figures[f"step_over_gemm_{name}"] = ms["bf16"] / floor
    for case in (*other_kinds(size.k), *DEAD_SHARES):
        if case in ms:
            figures[f"{case}_over_gemm_{name}"] = ms[case] / floor
    for kind in other_kinds(size.k):
        notes[f"{kind}_over_gemm_{name}"] = (
            f"{best} product, L0 {steps[kind].step(x, lr=0.0).l0:.0f} at the end"
        )
    if size.everything:
        figures[f"dense_over_step_{name}"] = min(ms["dense rows"], ms["dense columns"]) / ms[best]
        notes[f"dense_over_step_{name}"] = f"over our step with the {best} product"
    return {key: round(value, 3) for key, value in figures.items()}, ms, notes


def main() -> None:
    """Parse, measure every size, print."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", default="s1,s2", help=f"comma-separated: {', '.join(SIZES)}")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds, after two that are not")
    options = parser.parse_args()
    sizes = options.sizes.split(",")
    if unknown := [name for name in sizes if name not in SIZES]:
        parser.error(f"unknown size {unknown[0]}; known: {', '.join(SIZES)}")
    with_kept_memory("benchmarks.train_step")
    torch.set_num_threads(THREADS)
    start = time.perf_counter()
    figures: dict[str, float] = {}
    notes: dict[str, str] = {}
    milliseconds: dict[str, dict[str, float]] = {}
    for name in sizes:
        found, ms, said = measure(name, SIZES[name], options.rounds)
        figures |= found
        notes |= said
        milliseconds[name] = {case: round(value, 1) for case, value in ms.items()}
    report(
        "train_step",
        figures,
        TARGETS,
        time.perf_counter() - start,
        as_json=options.json,
        notes=notes,
        details={"milliseconds": milliseconds},
    )


if __name__ == "__main__":
    main()
