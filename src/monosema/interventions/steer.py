"""Text that a model writes while features are edited."""

from __future__ import annotations

from collections.abc import Sequence

from monosema.interventions.edits import Edit, Push, Way
from monosema.interventions.ways import SteeringEach
from monosema.models import Generated, LanguageModel
from monosema.sae import SAE


def as_ids(model: LanguageModel, prompt: str, *, chat: bool) -> list[int]:
    """Tokens of a prompt: as the user's turn of a chat, or as text to go on with."""
    return model.chat([{"role": "user", "content": prompt}]) if chat else model.encode(prompt)


def steer(
    model: LanguageModel,
    sae: SAE,
    prompts: Sequence[str] | Sequence[Sequence[int]],
    edits: Sequence[Edit] = (),
    *,
    push: Push | None = None,
    max_new_tokens: int = 64,
    temperature: float = 0.7,
    top_p: float = 0.95,
    seed: int = 0,
    copies: int = 1,
) -> Generated:
    """Continue prompts under edits, each `copies` times; without any, what the plain model writes with the same seed.

    Raises `UsageError` for an unknown feature, an SAE of another model and a prompt longer than the context.
    """
    (written,) = steer_each(
        model,
        sae,
        [model.encode(prompt) if isinstance(prompt, str) else prompt for prompt in prompts],
        [Way(edits=edits, push=push)],
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        copies=copies,
    )
    return written


def steer_each(
    model: LanguageModel,
    sae: SAE,
    prompts: Sequence[Sequence[int]],
    ways: Sequence[Way],
    *,
    max_new_tokens: int = 64,
    temperature: float = 0.7,
    top_p: float = 0.95,
    seed: int = 0,
    copies: int = 1,
) -> list[Generated]:
    """Continue all prompts, as tokens, in each of several ways, as one batch; what was written in each.

    Raises as `steer` does.
    """
    sae.check_model(model.name, model.hash)
    steering = SteeringEach(sae, ways, len(prompts))
    with model.edit(steering.hooks):
        written = model.generate(
            [prompt for _ in ways for prompt in prompts],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            kept=steering.keep,
            copies=copies,
        )
    each = copies * len(prompts)
    parts = [slice(way * each, (way + 1) * each) for way in range(len(ways))]
    return [Generated(written.texts[part], written.ids[part]) for part in parts]
