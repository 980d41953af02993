"""The SAE: raw activations in, sparse feature activations out, and back.

A caller always passes and gets raw activations; the scale s of C2 is applied inside. A feature's activation is
a = f(s·x)·‖d‖ in scaled units: shown, ranked, thresholded and stored. Its contribution to the residual stream is
a·(d/‖d‖)/s. Nothing here knows a model or a text.

A row holds the activations of all hook points that an SAE reads, side by side; a transcoder's also those that it
writes, which `encode` leaves alone and `target` gives. Each hook point of several has a scale of its own, s times its
`balance`.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.errors import ActivationError, UsageError, lookup
from monosema.kernels import SparseActs
from monosema.sae.config import TENSORS, SAEConfig, SAEParts, ScaleFold
from monosema.sae.formats import FORMATS
from monosema.sae.selection import Selection


class SAE(SAEParts):
    """A sparse autoencoder over activations of width d_model with d_sae features.

    The four tensors may be updated in place while it is trained; everything else is fixed.
    """

    @classmethod
    def initialise(
        cls,
        config: SAEConfig,
        *,
        mean: Float[Tensor, " row"],
        scale: float,
        massive: float = math.inf,
        balance: tuple[float, ...] = (),
        device: torch.device | str = "cpu",
    ) -> SAE:
        """Return the SAE at step 0; `mean` is the mean of *raw* activations at positions that are kept.

        Weights are drawn on the CPU from `config.seed`, so that they do not depend on the device.
        """
        generator = torch.Generator().manual_seed(config.seed)
        centre = mean.to("cpu", torch.float32) * scale * _spread(balance, config.row)
        weights = config.kind.initialise(config.d_model, config.d_sae, generator, centre[-config.d_model :])
        if config.transcodes:  # what takes the mean off what is read
            weights = weights._replace(b_enc=-(weights.encoder @ centre[: config.d_model]))
        tensors = {name: getattr(weights, name).to(device).contiguous() for name in TENSORS}
        start = config.kind.initial_threshold
        if start is not None:
            tensors["threshold"] = start * config.norms(tensors["W_dec"])
        return cls(config=config, scale=scale, massive=massive, balance=balance, **tensors)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        format: str = "monosema",
        hook: str | None = None,
        device: torch.device | str = "cpu",
    ) -> SAE:
        """Read an SAE from a folder in one of `FORMATS`; raise `DamagedError` that names a damaged file.

        `hook` comes before the hook point that the files name.
        """
        parts = lookup(FORMATS, format, "format of SAEs").read(Path(folder), hook)
        return cls(**{field.name: getattr(parts, field.name) for field in fields(parts)}).to(device)

    def save(self, folder: Path, *, format: str = "monosema") -> None:
        """Write the SAE into a folder in one of `FORMATS`; raise `RefusedError` where one lies there."""
        write = lookup(FORMATS, format, "format of SAEs").write
        if write is None:
            raise UsageError(f'the format "{format}" is only read here; save in format "monosema"')
        write(self, Path(folder))

    def to(self, device: torch.device | str) -> SAE:
        """Return the SAE with its tensors on `device`."""
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in self.tensors().items()}
        return replace(self, **moved)

    @property
    def W_enc(self) -> Float[Tensor, "d_model d_sae"]:  # noqa: N802 (the field's name)
        """The encoder in the orientation of the literature: a view of `encoder`."""
        return self.encoder.T

    @property
    def d_model(self) -> int:
        """Width of the activations."""
        return self.config.d_model

    @property
    def d_sae(self) -> int:
        """Number of features."""
        return self.config.d_sae

    @property
    def input(self) -> str:
        """Hook point that it reads."""
        return self.config.input

    @property
    def output(self) -> str:
        """Hook point that it reconstructs."""
        return self.config.output

    @property
    def place(self) -> str:
        """Hook points of a row: what `LanguageModel.capture` takes."""
        return self.config.place

    @property
    def unit(self) -> float:
        """The s of metrics.md, applied or folded: a of 1 adds a vector of norm 1/s to the residual stream."""
        return self.scale * (self.folded.scale if self.folded else 1.0)

    @property
    def decoder_norms(self) -> Float[Tensor, " d_sae"]:
        """‖d‖ of every feature, of the weights as they are now (`SAEConfig.norms`)."""
        return self.config.norms(self.W_dec)

    @property
    def bias(self) -> Float[Tensor, " d_model"]:
        """What it reconstructs where no feature fires, in raw units."""
        return self.b_dec / (self.scale * self._balance_out)

    def directions(self, features: Int[Tensor, " f"]) -> Float[Tensor, "f d_model"]:
        """What an activation of 1 of each feature adds to raw activations: d/‖d‖/s."""
        rows = self.W_dec[features]
        return rows / (_nonzero(self.config.norms(rows)) * self.unit)[:, None] / self._balance_out

    def scaled(self, x: Float[Tensor, "n row"]) -> Float[Tensor, "n row"]:
        """Raw rows in scaled units."""
        return x * (_spread(self.balance, self.config.row, x.device) * self.unit)

    def target(self, x: Float[Tensor, "*batch row"]) -> Float[Tensor, "*batch d_model"]:
        """What of rows it reconstructs."""
        return x[..., -self.d_model :]

    def residual(self, x: Float[Tensor, "n row"], acts: SparseActs) -> Float[Tensor, "n d_model"]:
        """What activations leave of raw rows, in scaled units."""
        return (self.target(x) - self.decode(acts)) * (self._balance_out * self.unit)

    def encode(self, x: Float[Tensor, "n width"]) -> SparseActs:
        """Feature activations a of raw rows, exact in fp32, with the inference threshold if any.

        Rows are worked on in chunks, so that no more than 64 MB of pre-activations live at once; many rows go
        through a bf16 product and its proof where that is quicker (selection.py). Massive positions are encoded
        like others; see `massive_mask`. Raises `UsageError` for another width and `ActivationError` for values
        that are not finite.
        """
        x = self._checked(x)[:, : self.d_model] * (self._balance_in * self.scale)
        norms = self.decoder_norms * (self.folded.scale if self.folded else 1.0)
        selection = Selection(
            encoder=self.encoder,
            b_enc=self.b_enc,
            norms=norms,
            threshold=self.threshold,
            keeps=self.config.kind.keeps,
        )
        return selection.of(x - self.b_dec if self.config.centred else x)

    def decode(self, acts: SparseActs) -> Float[Tensor, "n d_model"]:
        """x̂ in raw units: b_dec/s plus every a·(d/‖d‖)/s."""
        factors = 1 / (_nonzero(self.decoder_norms) * (self.folded.scale if self.folded else 1.0))
        f = replace(acts, values=acts.values * factors[acts.indices])
        return f.decode(self.W_dec).add_(self.b_dec).div_(self.scale * self._balance_out)

    def reconstruct(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n d_model"]:
        """x̂ of raw rows, massive or not."""
        return self.decode(self.encode(x))

    def substitute(self, x: Float[Tensor, "*batch row"]) -> Float[Tensor, "*batch d_model"]:
        """x̂ in place of what it reconstructs, in its type; massive positions pass through unchanged."""
        flat = x.reshape(-1, x.shape[-1])
        usual = ~self.massive_mask(flat)
        out = self.target(flat).clone()
        out[usual] = self.reconstruct(flat[usual]).to(x.dtype)
        return out.view(*x.shape[:-1], self.d_model)

    def massive_mask(self, x: Float[Tensor, "*batch row"]) -> Bool[Tensor, "*batch"]:
        """Which positions are massive: norm of the raw row above the stored threshold."""
        return torch.linalg.vector_norm(x, dim=-1, dtype=torch.float32) > self.massive

    def fold_decoder_norms(self) -> SAE:
        """Return the SAE with decoder rows of norm 1 and the same x̂ and a: ‖d‖ moves into the encoder (C2)."""
        norms = self.decoder_norms
        return replace(
            self,
            encoder=self.encoder * norms[:, None],
            b_enc=self.b_enc * norms,
            W_dec=self.W_dec / _nonzero(norms)[:, None],
        )

    def fold_scale(self, form: Literal["F1", "F2"]) -> SAE:
        """Return the SAE with the scale inside its weights and the same x̂, a and support.

        F1 keeps f in scaled units (encoder·s, W_dec/s, b_dec/s), F2 puts f in raw units (b_enc/s, b_dec/s).
        a stays in scaled units in both, so thresholds stay as they are. Raises `UsageError` when folded.
        """
        if self.folded:
            raise UsageError(f"the scale of this SAE is folded already ({self.folded.form})")
        if self.balance:
            raise UsageError(
                "an SAE of several hook points has a scale for each of them; it cannot be folded"
            )
        s = self.scale
        forms: dict[str, dict[str, Any]] = {
            "F1": {"encoder": self.encoder * s, "W_dec": self.W_dec / s, "b_dec": self.b_dec / s},
            "F2": {"b_enc": self.b_enc / s, "b_dec": self.b_dec / s},
        }
        changed = lookup(forms, form, "form of folding")
        return replace(self, scale=1.0, folded=ScaleFold(form=form, scale=s), **changed)

    def unfold_scale(self) -> SAE:
        """Return the SAE with the scale outside its weights again and the same x̂, a and support."""
        if self.folded is None:
            return self
        s = self.folded.scale
        forms: dict[str, dict[str, Any]] = {
            "F1": {"encoder": self.encoder / s, "W_dec": self.W_dec * s, "b_dec": self.b_dec * s},
            "F2": {"b_enc": self.b_enc * s, "b_dec": self.b_dec * s},
        }
        return replace(self, scale=s, folded=None, **forms[self.folded.form])

    def with_unit(self, unit: float) -> SAE:
        """Return the SAE with the same x̂ and support whose a are in units of another s (metrics.md)."""
        ratio = unit / self.unit
        threshold = None if self.threshold is None else self.threshold * ratio
        if self.folded:
            return replace(self, folded=replace(self.folded, scale=unit), threshold=threshold)
        return replace(
            self, scale=unit, b_enc=self.b_enc * ratio, b_dec=self.b_dec * ratio, threshold=threshold
        )

    def with_threshold(self, threshold: Float[Tensor, " d_sae"] | None) -> SAE:
        """Return the SAE with another inference threshold, or none."""
        return replace(self, threshold=threshold)

    def check_model(self, name: str, hash: str) -> None:
        """Raise `UsageError` unless the model's weights are those that the SAE was trained on."""
        if hash != self.config.model_hash:
            raise UsageError(
                f"this SAE belongs to {self.config.model} (weights {self.config.model_hash[:12]}), "
                f"not to {name} (weights {hash[:12]}); load that model or train an SAE on this one"
            )

    def _checked(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        if x.shape[1] != self.config.row:
            raise UsageError(
                f"activations have width {x.shape[1]}; this SAE reads {self.place} of {self.config.model}, "
                f"width {self.config.row}"
            )
        x = x.detach().to(self.encoder.device, torch.float32)
        if not torch.isfinite(x).all():
            row = int((~torch.isfinite(x)).any(1).nonzero()[0])
            raise ActivationError(f"activations at {self.input}, row {row}, are NaN or infinite")
        return x

    @property
    def _balance_in(self) -> Float[Tensor, " d_model"] | float:
        return self._balance(slice(self.d_model))

    @property
    def _balance_out(self) -> Float[Tensor, " d_model"] | float:
        return self._balance(slice(-self.d_model, None))

    def _balance(self, part: slice) -> Float[Tensor, " d_model"] | float:
        spread = _spread(self.balance, self.config.row, self.encoder.device)
        return spread if isinstance(spread, float) else spread[part]


def _spread(
    balance: tuple[float, ...], width: int, device: torch.device | str = "cpu"
) -> Float[Tensor, " row"] | float:
    """A number of each hook point at each of its places in a row."""
    return torch.tensor(balance, device=device).repeat_interleave(width // len(balance)) if balance else 1.0


def _nonzero(norms: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
    """The norms, with 1 for a row of zeros, whose feature is never active."""
    return torch.where(norms > 0, norms, 1.0)
