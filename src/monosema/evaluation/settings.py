"""What an evaluation is asked to be: the table `[evaluation]` of study.toml."""

from __future__ import annotations

from dataclasses import dataclass

from monosema.errors import UsageError

MAX_POSITIONS = 1_000_000
CE_POSITIONS = 20_000


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How much is measured, and on what."""

    split: str = "report"
    """Which documents; never those that were trained on."""
    max_positions: int | None = None
    """Kept positions for everything but cross-entropy; None: 1,000,000, or all there are."""
    ce_positions: int | None = None
    """Kept positions for cross-entropy, the first of those; None: 20,000, or all there are."""
    baselines: bool = True
    """Whether the untrained SAE, PCA and neurons are measured beside it."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for numbers below 1."""
        for name in ("max_positions", "ce_positions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more, or leave it out")
