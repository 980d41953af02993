"""One step of training, written out by hand: forward, gradients, clip, Adam, decoder norms.

Loss = mean over positions of ‖x - x̂‖² + λ · what the kind penalises (C2 for L1) + the auxiliary term of auxk.py.

1. Encode, select, decode; the residual, and the gradient of each active entry (forward.py, objectives/).
   TopK's values of 0 and below are dropped and have no gradient.
2. Sum the gradients by feature, over pairs sorted by feature (gradients.py).
3. Clip by the norm of all, Adam, unit decoder rows where the kind has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.errors import UsageError, lookup
from monosema.kernels import energy
from monosema.sae import Kind, Weights
from monosema.training.adam import Adam
from monosema.training.auxk import auxiliary_loss
from monosema.training.forward import CHUNK_NUMBERS, ENCODERS, MOST_ROWS, SPARSE_BELOW, Forward, Pass
from monosema.training.gradients import Gradients
from monosema.training.objectives import OBJECTIVES, Moment, Objective

__all__ = ["CHUNK_NUMBERS", "ENCODERS", "MOST_ROWS", "SPARSE_BELOW", "Step", "StepConfig", "StepReport"]

PARAMETERS = ("encoder", "decoder", "b_enc", "b_dec")


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """What a step needs to know besides the weights."""

    kind: Kind
    """Settings of the SAE's kind."""
    blocks: int = 1
    """Hook points side by side, whose decoder norms are penalised apart (`SAEConfig.norms`)."""
    centred: bool | None = None
    """Whether b_dec is subtracted before the encoder; None: as the kind does it."""
    dead_after: int = 10_000_000
    """Positions without an activation after which a feature is dead."""
    clip: float = 1.0
    """Largest norm of all gradients together."""
    beta1: float = 0.9
    """Decay of Adam's first moment."""
    beta2: float = 0.999
    """Decay of Adam's second moment."""
    eps: float = 1e-8
    """Adam's epsilon."""
    encoder_gemm: str = "fp32"
    """fp32, or bf16: the product makes a shortlist that is proven complete and ranked in fp32; faster where the
    machine has bf16 units, the same result everywhere (kernels/certificate.py)."""


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step saw, before its update."""

    loss: float
    """The whole loss."""
    mse: float
    """Mean over positions of ‖x - x̂‖²."""
    l1: float
    """λ · mean over positions of what is penalised: Σ f ‖d‖ for L1."""
    l0: float
    """Mean number of active features a position."""
    aux: float
    """Share of the error that dead features left unexplained; 0 where there was no auxiliary loss."""
    dead: int
    """Features that have now been silent for `dead_after` positions or more."""
    grad_norm: float
    """Norm of all gradients together, before the clip."""
    fallback_rows: int
    """Positions that the shortlist's proof did not cover, so that their fp32 row was computed."""
    candidates: int
    """Pairs whose value was looked at one by one in fp32."""


class Step:
    """The training step of one SAE; `step` updates the four tensors that it was made with.

    `encoder` and `decoder` are [d_sae, d_model] and contiguous; `batch` is the largest number of positions of a
    step; `threshold` holds thresholds on a where the kind trains them. Memory beside the weights: a gradient and two
    moments of each tensor, a bf16 encoder where that makes the shortlist, 2 · batch · d_model numbers, about 80 bytes
    an active pair, and what the kind's objective says it holds (`Objective.held`): of a chunk of at most 2^26 entries
    6 to 39 bytes each, 0.4 to 2.6 GB. A step whose gradient is not finite changes no weight; its report shows it.
    Raises `UsageError` where tensors and settings do not fit each other.
    """

    def __init__(
        self,
        encoder: Float[Tensor, "d_sae d_model"],
        decoder: Float[Tensor, "d_sae d_model"],
        b_enc: Float[Tensor, " d_sae"],
        b_dec: Float[Tensor, " d_model"],
        config: StepConfig,
        batch: int,
        *,
        threshold: Float[Tensor, " d_sae"] | None = None,
    ) -> None:
        kind = config.kind
        kind.check(len(encoder))
        if not (encoder.is_contiguous() and decoder.is_contiguous()):
            raise UsageError("encoder and decoder are strided views; expected contiguous [d_sae, d_model]")
        self.config, self.batch = config, batch
        self.encoder, self.decoder, self.b_enc, self.b_dec = encoder, decoder, b_enc, b_dec
        make: Callable[..., Objective] = lookup(OBJECTIVES, kind.name, "kind of SAE")
        blocks = 1 if kind.unit_decoder else config.blocks
        weights = Weights(encoder, decoder, b_enc, b_dec, blocks)
        self.objective = make(weights, kind, threshold)
        self.gradients = Gradients(encoder)
        self.forward = Forward(self.objective, self.gradients, encoder_gemm=config.encoder_gemm, batch=batch)
        tensors = [encoder, decoder, b_enc, b_dec, *self.objective.own.values()]
        unit = [tensor is decoder and kind.unit_decoder for tensor in tensors]
        self.adam = Adam(tensors, beta1=config.beta1, beta2=config.beta2, eps=config.eps, unit=unit)
        self.silent = torch.zeros(len(encoder), dtype=torch.int64, device=encoder.device)
        self._aux_k = kind.aux_latents(encoder.shape[1])
        self.centred = kind.subtract_b_dec if config.centred is None else config.centred
        self._inputs = encoder.new_empty(batch, encoder.shape[1]) if self.centred else None
        self._residual = encoder.new_empty(batch, encoder.shape[1])

    @torch.no_grad()
    def step(
        self,
        x: Float[Tensor, "n d_model"],
        target: Float[Tensor, "n d_model"] | None = None,
        *,
        lr: float,
        l1: float = 0.0,
        progress: float = 0.0,
    ) -> StepReport:
        """Train on n positions in scaled units, at most `batch`; raises `UsageError` for more, or none.

        `target` is what x̂ is to be; None: x itself. `l1` is λ now, `progress` the share of all steps that are done.
        """
        if not 1 <= len(x) <= self.batch:
            raise UsageError(f"a step of {len(x)} positions; expected 1 to {self.batch} (batch)")
        n, gradients, objective = len(x), self.gradients, self.objective
        inputs = x if self._inputs is None else torch.sub(x, self.b_dec, out=self._inputs[:n])
        residual = self._residual[:n]  # (2 / n)(x̂ - x)
        moment = Moment(n=n, weight=l1 / n, progress=progress, norms=objective.weights.norms())
        gradients.begin()
        done = self.forward.run(x if target is None else target, inputs, residual, moment)
        mse = n / 4 * float(energy(residual))
        term, aux = self._auxiliary(inputs, residual)
        grad_norm = self._gather(done, inputs, residual, moment)
        penalised = float(objective.penalty)
        self._update(grad_norm, lr)
        self.silent.add_(n).masked_fill_(gradients.mass > 0, 0)
        return StepReport(
            loss=mse + float(objective.beside) + penalised + term,
            mse=mse,
            l1=penalised,
            l0=done.active / n,
            aux=aux,
            dead=int((self.silent >= self.config.dead_after).sum()),
            grad_norm=grad_norm,
            fallback_rows=done.fallback_rows,
            candidates=done.candidates,
        )

    def state(self) -> dict[str, Tensor]:
        """What `load` needs, besides the weights, to go on to the bit; live tensors, so clone what is to stay."""
        adam = self.adam
        state = {"steps": torch.tensor(adam.steps), "silent": self.silent}
        names = (*PARAMETERS, *self.objective.own)
        for name, first, second in zip(names, adam.exp_avg, adam.exp_avg_sq, strict=True):
            state |= {f"exp_avg.{name}": first, f"exp_avg_sq.{name}": second}
        return state | self.objective.own | self.objective.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`, with the weights that belong to it in place; raises `UsageError` if it is another's."""
        own = self.state()
        shapes, given = ({name: tuple(t.shape) for name, t in each.items()} for each in (own, state))
        if shapes != given:
            odd = sorted(name for name in own.keys() | state.keys() if shapes.get(name) != given.get(name))
            raise UsageError(
                f"state of a training step does not fit in {', '.join(odd)}; it is another SAE's"
            )
        for name, tensor in own.items():
            tensor.copy_(state[name])
        self.adam.steps = int(own["steps"])
        self._refresh()

    def errors(self, n: int) -> Float[Tensor, " n"]:
        """Squared error of each of the n positions of the last step, as far as one is to another."""
        return self._residual[:n].square().sum(1)

    def restart(
        self,
        features: Int[Tensor, " f"],
        encoder: Float[Tensor, "f d_model"],
        decoder: Float[Tensor, "f d_model"],
        centre: Float[Tensor, " d_model"],
    ) -> None:
        """Let features begin anew with these rows; pre-activations are 0 at `centre`, or b_dec if it is taken off."""
        self.encoder[features], self.decoder[features] = encoder, decoder
        self.b_enc[features] = 0.0 if self.centred else -(encoder @ centre)
        self.objective.restart(features)
        self.silent[features] = 0
        for tensor, *moments in zip(self.adam.tensors, self.adam.exp_avg, self.adam.exp_avg_sq, strict=True):
            if tensor is not self.b_dec:
                for moment in moments:
                    moment[features] = 0.0
        self._refresh()

    def publish(self) -> Float[Tensor, " d_sae"] | None:
        """End training: leave in the weights what they are from now on; return thresholds on a that were trained."""
        return self.objective.publish()

    def _auxiliary(self, inputs: Tensor, residual: Tensor) -> tuple[float, float]:
        """Term of the loss and unexplained share; zeros while nothing is dead."""
        coefficient = self.config.kind.aux_coefficient
        if not (self._aux_k and coefficient):
            return 0.0, 0.0
        dead = (self.silent >= self.config.dead_after).nonzero().flatten()
        if not len(dead):
            return 0.0, 0.0
        return auxiliary_loss(
            self.gradients,
            dead,
            (self.encoder, self.decoder, self.b_enc),
            inputs,
            residual,
            k=self._aux_k,
            coefficient=coefficient,
            rows=self.forward.rows,
        )

    def _gather(self, done: Pass, inputs: Tensor, residual: Tensor, moment: Moment) -> float:
        """Make the gradients of all parameters; return the norm of them together."""
        gradients, objective = self.gradients, self.objective
        objective.outset(gradients, inputs)
        pulls = objective.pulls
        if pulls is not None and objective.weights.blocks > 1:
            gradients.pull_blocks(self.decoder, pulls, objective.weights.blocks)
            pulls = None
        residuals = objective.residuals(residual)
        of_rows = gradients.add_pairs(
            done.pairs.by_feature,
            done.pairs.acts.values,
            done.z,
            residuals,
            inputs,
            self.decoder,
            moment.norms,
            pulls=pulls,
            unit=self.config.kind.unit_decoder,
        )
        gradients.add_b_dec(residuals[0][1], self.encoder if self.centred else None)
        objective.amend(gradients)
        small = (gradients.b_enc, gradients.b_dec, *objective.own_gradients.values())
        return math.hypot(
            of_rows, *(float(torch.linalg.vector_norm(each, dtype=torch.float64)) for each in small)
        )

    def _update(self, grad_norm: float, lr: float) -> None:
        """Clip as `torch.nn.utils.clip_grad_norm_` does, Adam, unit rows."""
        if not math.isfinite(grad_norm):
            return
        divide_by = max(1.0, (grad_norm + 1e-6) / self.config.clip)
        tensors = [*self.gradients.tensors, *self.objective.own_gradients.values()]
        self.adam.update(tensors, lr=lr, divide_by=divide_by)
        self._refresh()

    def _refresh(self) -> None:
        self.objective.refresh()
        self.forward.product.refresh()
