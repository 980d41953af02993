"""What a model wrote, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import GenerationConfig


@dataclass(frozen=True)
class Generated:
    """What the model wrote."""

    texts: list[str]
    """Continuations without special tokens."""
    ids: list[list[int]]
    """Their tokens, up to and without the end token."""


def end_tokens(network: Any, config: Any) -> list[int]:
    """Tokens that end a text; what else the folder advises on generating is dropped from the network."""
    advised = getattr(network, "generation_config", None)
    listed = [getattr(advised, "eos_token_id", None), getattr(config, "eos_token_id", None)]
    ends = sorted(
        {end for one in listed if one is not None for end in (one if isinstance(one, list) else [one])}
    )
    network.generation_config = GenerationConfig(
        eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0
    )
    return ends
