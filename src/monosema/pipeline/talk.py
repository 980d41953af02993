"""Answers of a steered model beside the plain one's."""

from __future__ import annotations

from collections.abc import Sequence

from monosema.interventions import Edit, Steering, as_ids, steer
from monosema.pipeline.explore import model_of, random_edits
from monosema.pipeline.loaders import OpenStudy


def answer(
    study: OpenStudy,
    prompts: Sequence[str],
    edits: Sequence[Edit],
    *,
    sae: str = "main",
    max_new_tokens: int = 80,
    seed: int = 0,
) -> dict[str, list[str]]:
    """Answers to each prompt: plain, steered, and with random features of the same norm; the same seed for all.

    What scaling changes, and taking out, depends on the text and has no norm: there is no random one beside it.
    """
    model, autoencoder = model_of(study, sae), study.sae(sae)
    chat = model.tokenizer.chat_template is not None
    asked = [as_ids(model, prompt, chat=chat) for prompt in prompts]
    variants: dict[str, Sequence[Edit]] = {"plain": [], "steered": edits}
    if any(edit.value for edit in edits) and all(edit.operation != "scale" for edit in edits):
        variants["random"] = random_edits(study.index(sae), autoencoder, edits, seed)
    return {
        name: steer(model, autoencoder, asked, some, max_new_tokens=max_new_tokens, seed=seed).texts
        for name, some in variants.items()
    }


class Talk:
    """Two chats on the same words of a person: one with the plain model, one with the steered one."""

    def __init__(self, study: OpenStudy, edits: Sequence[Edit], *, sae: str = "main") -> None:
        self._model, self._sae = model_of(study, sae), study.sae(sae)
        Steering(self._sae, edits)  # what cannot be steered with is told before anything is said
        self._edits: dict[str, Sequence[Edit]] = {"plain": [], "steered": edits}
        self._turns: dict[str, list[dict[str, str]]] = {name: [] for name in self._edits}

    def answer(self, text: str, *, max_new_tokens: int = 120, seed: int = 0) -> dict[str, str]:
        """What both say next. Raises `UsageError` where a chat outgrows the context; both then go on without it."""
        said: dict[str, str] = {}
        turn = {"role": "user", "content": text}
        for name, turns in self._turns.items():
            asked = self._asked([*turns, turn])
            written = steer(
                self._model, self._sae, [asked], self._edits[name], max_new_tokens=max_new_tokens, seed=seed
            )
            said[name] = written.texts[0].strip()
        for name, turns in self._turns.items():
            turns += [turn, {"role": "assistant", "content": said[name]}]
        return said

    def _asked(self, turns: list[dict[str, str]]) -> list[int]:
        if self._model.tokenizer.chat_template is not None:
            return self._model.chat(turns)
        return self._model.encode("".join(turn["content"] for turn in turns))
