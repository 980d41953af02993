"""Measure an SAE on documents that it was not trained on, beside what simpler things reach (C4, C33)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.baselines import PCA_POSITIONS, Baselines, Reconstruct, fit_baselines
from monosema.evaluation.crossentropy import SHARED, CrossEntropySums, Run
from monosema.evaluation.fidelity import Fidelity
from monosema.evaluation.figures import figures
from monosema.evaluation.positions import capture
from monosema.evaluation.record import Evaluation
from monosema.evaluation.settings import CE_POSITIONS, MAX_POSITIONS
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE


def evaluate(model: LanguageModel, sae: SAE, tokens: Tokens, **asked: Any) -> Evaluation:
    """Evaluate one SAE; `asked`: as of `evaluate_each`."""
    (found,) = evaluate_each(model, [sae], tokens, **asked)
    return found


@torch.no_grad()
def evaluate_each(
    model: LanguageModel,
    saes: Sequence[SAE],
    tokens: Tokens,
    *,
    split: str = "report",
    tokens_per_batch: int,
    max_positions: int | None = None,
    ce_positions: int | None = None,
    seed: int,
    baselines: bool = True,
    progress: Reporter | None = None,
) -> list[Evaluation]:
    """Evaluate SAEs that read and write at the same hook points, each as if it were alone.

    What they share is done once: passes up to the hook point, PCA, and runs of the model as it is and ablated.

    All figures but cross-entropy are over `max_positions` kept positions (None: 1,000,000), cross-entropy over
    the first `ce_positions` of them (None: 20,000), or all there are, in whole rows drawn at random. Massive positions
    are left out, and in every run of the model these and the excluded ones stay as they are; `with_massive` gives the
    figures with them. A prediction counts when its position and its target are real tokens (no padding; excluded and
    massive ones do count) of the same document in the same row; it belongs to that document. Mean ablation puts x̄,
    the mean of the measured positions, in place of x. Intervals: see `bootstrap`.

    Memory beside model and SAEs: two batches of activations; logits, 256 MB twice (or one row, if that is more)
    and 64 MB of work; with baselines 24 x d_model² bytes; and for each SAE 4,096 x 8 x (2 or, with baselines, 4) x
    d_model bytes of sums over documents, 160 x d_sae bytes of counts, and with baselines another SAE.

    Raises `UsageError` (SAEs of another model, width or place, an empty split) and `ActivationError`.
    """
    check_together(model, saes)
    reporter = progress or Silent()
    wanted = min(max_positions or MAX_POSITIONS, tokens.count(split))
    if wanted == 0:
        raise UsageError(f"split {split} has no position that is kept; give more text, or another split")
    fitted: Sequence[Baselines | None] = [None] * len(saes)
    if baselines:
        with reporter.stage("baselines", min(PCA_POSITIONS, tokens.count("train"))) as bar:
            fitted = fit_baselines(
                model, saes, tokens, tokens_per_batch=tokens_per_batch, seed=seed, progress=bar
            )
    sample = partial(
        capture, model, saes[0], tokens, split=split, tokens_per_batch=tokens_per_batch, seed=seed
    )
    fidelities = [Fidelity(sae, beside) for sae, beside in zip(saes, fitted, strict=True)]
    with reporter.stage("fidelity", wanted) as bar:
        for found in sample(positions=wanted):
            for fidelity in fidelities:
                fidelity.add(found)
            bar.update(int(found.batch.keep.sum()))
    if not fidelities[0].usual.positions:
        raise UsageError(
            f"all {wanted} kept positions of split {split} are massive; check the SAE's threshold"
        )
    ks = [min(sae.d_model, round(one.l0())) for sae, one in zip(saes, fidelities, strict=True)]
    runs = _ablations(saes[0], fidelities[0].mean())
    for number, (sae, beside, k) in enumerate(zip(saes, fitted, ks, strict=True)):
        own = {"sae": sae.reconstruct} | (beside.reconstructions(k) if beside else {})
        runs |= {(number, name): reconstruct for name, reconstruct in own.items()}
    losses = CrossEntropySums(model, saes[0], runs, kl_of="sae")
    wanted = min(ce_positions or CE_POSITIONS, wanted)
    with reporter.stage("cross-entropy", wanted) as bar:
        for found in sample(positions=wanted):
            losses.add(found)
            bar.update(int(found.batch.keep.sum()))
    if not losses.predictions:
        raise UsageError(f"split {split} has no next token to predict; its rows have one token each")
    return [
        Evaluation(
            hook=sae.place,
            model=model.name,
            model_hash=model.hash,
            tokens_hash=tokens.hash,
            split=split,
            seed=seed,
            d_sae=sae.d_sae,
            **figures(fidelity, losses, number, k=k, seed=seed, baselines=baselines),
        )
        for number, (sae, fidelity, k) in enumerate(zip(saes, fidelities, ks, strict=True))
    ]


def check_together(model: LanguageModel, saes: Sequence[SAE]) -> None:
    """Raise `UsageError` for SAEs that are not of the model, or not all at one place."""
    first = saes[0]
    for sae in saes:
        sae.check_model(model.name, model.hash)
        width = model.width(sae.place)
        if width != sae.config.row:
            raise UsageError(
                f"{sae.place} of {model.name} has width {width}; this SAE reads {sae.config.row}"
            )
        if place_of(sae) != place_of(first):
            raise UsageError(
                f"SAEs at {first.place} and {sae.place} cannot be evaluated together; evaluate those at one place, "
                "with one massive threshold, at a time"
            )


def place_of(sae: SAE) -> tuple[str, str, float]:
    """What SAEs have in common that are evaluated together: hook points, and what is massive there."""
    return sae.place, sae.output, sae.massive


def _ablations(sae: SAE, mean: Float[Tensor, " d_model"]) -> dict[Run, Reconstruct]:
    def mean_ablated(x: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
        return mean.to(x.device).expand(len(x), -1)

    def zero(x: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
        return torch.zeros_like(sae.target(x))

    return {(SHARED, "mean"): mean_ablated, (SHARED, "zero"): zero}
