"""Batches whose rows leave as they end: the same text as from whole forward passes, and edits that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from models.families import MEMBERS
from monosema.models import LanguageModel
from monosema.models.generating import ROUND, with_texts

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


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("name", MEMBERS)
def test_copies_of_a_row_are_what_the_row_alone_would_be(
    name: str, followed: bool, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(name, "float32")
    monkeypatch.setattr(type(model), "_ends", ENDS)
    places, read = list(range(len(prompts()))), []

    def follow(rows: Sequence[int]) -> None:
        places[:] = [places[row] for row in rows]

    def note(x: torch.Tensor) -> torch.Tensor:
        read.append(tuple(x.shape[:2]))
        return x

    with model.edit({"resid_post.0": note}):
        written = model.generate(
            prompts(), max_new_tokens=NEW, copies=3, kept=follow if followed else None
        ).ids
    alone = model.generate(prompts(), max_new_tokens=NEW).ids
    assert written == [new for new in alone for _ in range(3)]
    going = [row for row, new in enumerate(alone) for _ in range(3) if len(new) == NEW]
    if followed and going:  # where all have ended nobody is told any more
        assert places == going
    copied = not model._network._is_stateful
    assert read[0] == (12 if copied else 36, 7), "prompts are read once where a state can be copied"


def test_copies_are_drawn_apart_and_repeatably(load: Load) -> None:
    model = load("llama", "float32")
    choice = {"max_new_tokens": 12, "temperature": 1.5, "copies": 4, "seed": 5}
    first, again = (model.generate(prompts()[:2], **choice).ids for _ in range(2))
    assert first == again
    assert len({tuple(new) for new in first}) == 8


@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.parametrize("name", MEMBERS)
def test_a_stream_gives_what_generate_writes(
    name: str, temperature: float, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(name, "float32")
    monkeypatch.setattr(type(model), "_ends", ENDS)
    for seed, prompt in enumerate(prompts()[:3]):
        choice = {"max_new_tokens": NEW, "temperature": temperature, "top_p": 0.95, "seed": seed}
        written = model.generate([prompt], **choice)
        streamed = list(model.stream(prompt, **choice))
        assert [one.token for one in streamed if one.token is not None] == written.ids[0]
        assert "".join(one.text for one in streamed) == written.texts[0]


def test_a_token_is_given_before_the_next_one_is_made(load: Load) -> None:
    model = load("llama", "float32")
    passes: list[int] = []

    def note(x: torch.Tensor) -> torch.Tensor:
        passes.append(x.shape[1])
        return x

    prompt = prompts()[0]
    with model.edit({"resid_post.0": note}):
        stream = model.stream(prompt, max_new_tokens=3)
        seen = [len(passes) for one in stream if one.token is not None]
        list(model.stream(prompt, max_new_tokens=3, read_last=True))
    assert seen == [1, 2, 3]
    assert passes == [len(prompt), 1, 1, len(prompt), 1, 1, 1]


def test_the_seed_decides_whatever_else_is_drawn_meanwhile(load: Load) -> None:
    model = load("llama", "float32")
    choice = {"max_new_tokens": 8, "temperature": 1.0, "seed": 5}
    alone = [one.token for one in model.stream(prompts()[0], **choice)]
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert [one.token for one in model.stream(prompts()[0], **choice)] == alone
    assert torch.equal(torch.get_rng_state(), state)
    stream = model.stream(prompts()[0], **choice)
    assert [(next(stream).token, torch.rand(3))[0] for _ in alone] == alone


@pytest.mark.parametrize("temperature", [1e-300, 1e-30, 1e-5])
def test_the_smallest_temperatures_give_the_likeliest_text(load: Load, temperature: float) -> None:
    model = load("llama", "float32")
    written = model.generate(prompts()[:2], max_new_tokens=6, temperature=temperature)
    assert written == model.generate(prompts()[:2], max_new_tokens=6)


def test_a_character_of_several_tokens_is_given_when_it_is_whole() -> None:
    class Bytes:
        def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
            return bytes(ids).decode(errors="replace")

    whole = list(with_texts("a\N{BRIDGE AT NIGHT}b".encode(), Bytes()))
    assert [one.text for one in whole] == ["a", "", "", "", "\N{BRIDGE AT NIGHT}", "b"]
    cut = list(with_texts("aé".encode()[:-1], Bytes()))
    assert [(one.token, one.text) for one in cut] == [(97, "a"), (195, ""), (None, "\ufffd")]


@pytest.mark.parametrize("name", MEMBERS)
def test_the_next_logits_are_the_last_of_all(name: str, load: Load) -> None:
    model = load(name, "float32")
    ids = torch.tensor(prompts()[:1])
    assert torch.allclose(model.next_logits(ids), model.logits(ids)[0, -1], atol=1e-5)
