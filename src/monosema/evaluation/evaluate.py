"""Measure an SAE on documents that it was not trained on, beside what simpler things reach (C4, C33)."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.baselines import PCA_POSITIONS, Baselines, Reconstruct, fit_baselines
from monosema.evaluation.crossentropy import CrossEntropySums
from monosema.evaluation.fidelity import Fidelity
from monosema.evaluation.figures import figures
from monosema.evaluation.positions import capture
from monosema.evaluation.record import Evaluation
from monosema.evaluation.settings import CE_POSITIONS, MAX_POSITIONS
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE


@torch.no_grad()
def evaluate(
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    *,
    split: str = "report",
    tokens_per_batch: int,
    max_positions: int | None = None,
    ce_positions: int | None = None,
    seed: int,
    baselines: bool = True,
    progress: Reporter | None = None,
) -> Evaluation:
    """Evaluate `sae` at its hook point on kept positions of a split, in whole rows drawn at random.

    All figures but cross-entropy are over `max_positions` kept positions (None: 1,000,000), cross-entropy over
    the first `ce_positions` of them (None: 20,000), or all there are. Massive positions are left out, and in
    every run of the model these and the excluded ones stay as they are; `with_massive` gives the figures with
    them. A prediction counts when its position and its target are real tokens (no padding; excluded and massive
    ones do count) of the same document in the same row; it belongs to that document. Mean ablation puts x̄, the
    mean of the measured positions, in place of x. Intervals: see `bootstrap`.

    Memory beside model and SAE: two batches of activations; logits, 256 MB twice (or one row, if that is more)
    and 64 MB of work; 4,096 x 8 x (2 or, with baselines, 4) x d_model bytes of sums over documents; 160 x
    d_sae bytes of counts; with baselines another SAE and 24 x d_model² bytes.

    Raises `UsageError` (an SAE of another model or width, a transcoder, an empty split) and `ActivationError`.
    """
    _check(model, sae)
    reporter = progress or Silent()
    wanted = min(max_positions or MAX_POSITIONS, tokens.count(split))
    if wanted == 0:
        raise UsageError(f"split {split} has no position that is kept; give more text, or another split")
    fitted: Baselines | None = None
    if baselines:
        with reporter.stage("baselines", min(PCA_POSITIONS, tokens.count("train"))) as bar:
            fitted = fit_baselines(
                model, sae, tokens, tokens_per_batch=tokens_per_batch, seed=seed, progress=bar
            )
    sample = partial(capture, model, sae, tokens, split=split, tokens_per_batch=tokens_per_batch, seed=seed)
    fidelity = Fidelity(sae, fitted)
    with reporter.stage("fidelity", wanted) as bar:
        for found in sample(positions=wanted):
            fidelity.add(found)
            bar.update(int(found.batch.keep.sum()))
    if not fidelity.usual.positions:
        raise UsageError(
            f"all {wanted} kept positions of split {split} are massive; check the SAE's threshold"
        )
    k = min(sae.d_model, round(fidelity.l0()))
    runs = _runs(sae, fidelity.mean(), fitted, k)
    losses = CrossEntropySums(model, sae, runs, kl_of="sae")
    wanted = min(ce_positions or CE_POSITIONS, wanted)
    with reporter.stage("cross-entropy", wanted) as bar:
        for found in sample(positions=wanted):
            losses.add(found)
            bar.update(int(found.batch.keep.sum()))
    if not losses.predictions:
        raise UsageError(f"split {split} has no next token to predict; its rows have one token each")
    return Evaluation(
        hook=sae.place,
        model=model.name,
        model_hash=model.hash,
        tokens_hash=tokens.hash,
        split=split,
        seed=seed,
        d_sae=sae.d_sae,
        **figures(fidelity, losses, k=k, seed=seed, baselines=baselines),
    )


def _check(model: LanguageModel, sae: SAE) -> None:
    sae.check_model(model.name, model.hash)
    width = model.width(sae.place)
    if width != sae.config.row:
        raise UsageError(f"{sae.place} of {model.name} has width {width}; this SAE reads {sae.config.row}")


def _runs(
    sae: SAE, mean: Float[Tensor, " d_model"], fitted: Baselines | None, k: int
) -> dict[str, Reconstruct]:
    def mean_ablated(x: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
        return mean.to(x.device).expand(len(x), -1)

    def zero(x: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
        return torch.zeros_like(sae.target(x))

    runs: dict[str, Reconstruct] = {"sae": sae.reconstruct, "mean": mean_ablated, "zero": zero}
    return runs | (fitted.reconstructions(k) if fitted else {})
