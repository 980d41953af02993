"""Batches whose rows leave as they end: the same text as from whole forward passes, and edits that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from models.families import MEMBERS
from monosema.models import LanguageModel
from monosema.models.generating import ROUND

Load = Callable[[str, str], LanguageModel]
NEW, ENDS = 2 * ROUND + 5, [1, *range(10, 60)]


def prompts() -> list[list[int]]:
    numbers = torch.Generator().manual_seed(3)
    return [torch.randint(60, 300, (3 + row % 5,), generator=numbers).tolist() for row in range(12)]


def from_whole_passes(model: LanguageModel, prompt: list[int]) -> list[int]:
    ids = list(prompt)
    for _ in range(NEW):
        token = int(model.logits(torch.tensor([ids]))[0, -1].argmax())
        if token in ENDS:
            break
        ids.append(token)
    return ids[len(prompt) :]


@pytest.mark.parametrize("name", MEMBERS)
def test_rows_that_leave_the_batch_change_no_other_row(
    name: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(name, "float32")
    monkeypatch.setattr(type(model), "_ends", ENDS)
    stayed: list[int] = []
    written = model.generate(prompts(), max_new_tokens=NEW, kept=lambda rows: stayed.append(len(rows))).ids
    assert written == [from_whole_passes(model, prompt) for prompt in prompts()]
    assert written == model.generate(prompts(), max_new_tokens=NEW).ids
    assert stayed == sorted(stayed, reverse=True)


def test_who_stays_is_told_by_places_in_the_batch(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("llama", "float32")
    monkeypatch.setattr(type(model), "_ends", ENDS)
    names = [str(row) for row in range(len(prompts()))]
    widths: list[tuple[int, int]] = []

    def follow(rows: Sequence[int]) -> None:
        names[:] = [names[row] for row in rows]

    def note(x: torch.Tensor) -> torch.Tensor:
        widths.append((len(x), len(names)))
        return x

    with model.edit({"resid_post.0": note}):
        written = model.generate(prompts(), max_new_tokens=NEW, kept=follow).ids
    lengths = [len(new) for new in written]
    assert min(lengths) < ROUND < max(lengths), "some rows leave, some stay"
    assert names == [str(row) for row, length in enumerate(lengths) if length == NEW]
    assert all(rows == known for rows, known in widths)
