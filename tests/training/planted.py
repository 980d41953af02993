"""A stream whose features are known, as small as can be, for the tests of the trainer."""

from __future__ import annotations

import torch
from torch import Tensor


class Planted:
    """Raw activations: few of `features` random directions each, over a mean; seeded and resumable to the bit."""

    def __init__(self, *, d_model: int = 16, features: int = 24, active: float = 2.0, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn(features, d_model, generator=generator)
        self.directions = rows / rows.norm(dim=1, keepdim=True)
        self.mean = torch.randn(d_model, generator=generator) * 2
        self.share = active / features
        self.d_model, self.total = d_model, 20_000
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.calls = 0
        self.fail_at: int | None = None

    def next(self, n: int) -> Tensor:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        return self._draw(n, self.generator)

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        on = torch.rand(n, len(self.directions), generator=generator) < self.share
        codes = torch.rand(n, len(self.directions), generator=generator) * 6 + 4
        return torch.where(on, codes, 0) @ self.directions + self.mean

    def sample(self, n: int = 2000) -> Tensor:
        """Positions apart from the stream's."""
        return self._draw(n, torch.Generator().manual_seed(999))

    def state(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state(), "calls": torch.tensor(self.calls)}

    def load(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        self.calls = int(state["calls"])
