"""Matryoshka: features in order, so that the first of them alone make a smaller SAE (Bussmann et al. 2025).

Wide dictionaries split and absorb general features; where the first features must reconstruct without the others, they
stay general. What is kept is chosen as by TopK or BatchTopK; the loss is that of several widths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from monosema.errors import UsageError
from monosema.sae.kinds.topk import BatchTopK, LargestK, TopK

HALVINGS = 4
"""Widths by default: d_sae and its halves, so many times."""


@dataclass(frozen=True, kw_only=True)
class _Nested(LargestK):
    """Widths, and how they are checked."""

    widths: tuple[int, ...] | None = None
    """Numbers of first features that reconstruct alone, ascending; d_sae itself is added. None: d_sae / 16, / 8, / 4,
    / 2 and d_sae."""

    def all_widths(self, d_sae: int) -> tuple[int, ...]:
        """The widths that are reconstructed from, the last one d_sae."""
        widths = self.widths
        if widths is None:
            return tuple(sorted({max(1, d_sae >> halvings) for halvings in range(HALVINGS + 1)}))
        return widths if widths[-1:] == (d_sae,) else (*widths, d_sae)

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where a setting is out of range, or widths do not ascend within 1 and d_sae."""
        super().check(d_sae)
        widths = self.widths
        if widths is None:
            return
        ascending = all(a < b for a, b in zip((0, *widths), widths, strict=False))
        if not widths or not ascending or widths[-1] > d_sae:
            half = [max(1, d_sae // 4), max(1, d_sae // 2)]
            raise UsageError(
                f"widths is {list(widths)}; expected ascending numbers from 1 to {d_sae} (d_sae); try {half}"
            )


@dataclass(frozen=True, kw_only=True)
class MatryoshkaBatchTopK(_Nested, BatchTopK):
    """Settings of a Matryoshka SAE on BatchTopK."""

    name: ClassVar[str] = "matryoshka"


@dataclass(frozen=True, kw_only=True)
class MatryoshkaTopK(_Nested, TopK):
    """Settings of a Matryoshka SAE on TopK."""

    name: ClassVar[str] = "matryoshka_topk"
