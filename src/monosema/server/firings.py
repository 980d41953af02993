"""Features at a token, each with its share of its largest activation in the index."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monosema.server.feature_records import Firing

Shares = Callable[[int, float], float | None]
"""An activation of a feature as a share of its largest one; None where that is not known."""


def firings_of(shares: Shares, features: Sequence[int], activations: Sequence[float]) -> list[Firing]:
    """Features and activations as records."""
    return [
        Firing(number=number, activation=value, share=shares(number, value))
        for number, value in zip(features, activations, strict=True)
    ]
