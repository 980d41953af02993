"""What a person may ask of a model: one table `[models.NAME]` of study.toml."""

from __future__ import annotations

from dataclasses import dataclass

from monosema.errors import UsageError
from monosema.settings import later


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which model, and how it runs."""

    source: str
    """Hub id, local directory, GGUF file, or `smollm2`."""
    dtype: str | None = None
    """float32, bfloat16, float16 or float64; None: what was measured to be fastest and is safe."""
    device: str | None = None
    """cpu, cuda, cuda:1, mps; None: the first accelerator, else the processor."""
    device_map: str | None = None
    """How layers are spread over devices, as accelerate understands it: auto, balanced, sequential."""
    adapter: str | None = None
    """Hub id or directory of a PEFT adapter, merged into the weights."""
    other: str | None = later(None)
    """A second model that reads the same tokens, such as the chat model beside its base: its hook points are
    other.resid_post.9, which a crosscoder can have beside resid_post.9."""
    tokens_per_batch: int | None = None
    """Tokens of one forward pass, padding among them; None: measured."""

    def __post_init__(self) -> None:
        """Raise `UsageError` where a value is out of range."""
        if not self.source:
            raise UsageError("source is empty; expected a hub id, a directory, a GGUF file or smollm2")
        if self.tokens_per_batch is not None and self.tokens_per_batch < 1:
            raise UsageError(f"tokens_per_batch is {self.tokens_per_batch}; expected 1 or more")
