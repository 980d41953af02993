"""What comes next at a position of a prompt: the probabilities of whole passes, plain and edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

import monosema as ms
from monosema.interventions import Steering, clamp
from monosema.models import LanguageModel
from server.served import SAE

TEXT = "the old fox crosses the golden gate"


@pytest.mark.parametrize("position", [-1, 3])
def test_the_chances_are_those_of_whole_passes(
    position: int, client: TestClient, model: LanguageModel, finished: Path
) -> None:
    study = ms.open(finished)
    feature = int(study.index().table["maximum"].argmax())
    value, ids = 3 * study.index().maximum(feature), torch.tensor([model.encode(TEXT)])
    plain = model.logits(ids)[0, position].softmax(0)
    with model.edit({"resid_post.1": Steering(study.sae(), [clamp(feature, value)])}):
        edited = model.logits(ids)[0, position].softmax(0)
    asked = {
        "text": TEXT,
        "position": position,
        "top": 4,
        "tokens": [9],
        "steering": [{"feature": feature, "value": 3}],
    }
    answer = client.post(f"{SAE}/next", json=asked).json()
    assert answer["position"] == position % ids.shape[1]
    assert answer["text"] == model.tokenizer.decode(ids[0, position])
    told = {one["token"]: one for one in answer["chances"]}
    assert set(told) == {9, *plain.topk(4).indices.tolist(), *edited.topk(4).indices.tolist()}
    assert [one["plain"] for one in answer["chances"]] == sorted(
        (one["plain"] for one in told.values()), reverse=True
    )
    for token, one in told.items():
        assert one["plain"] == pytest.approx(float(plain[token]), rel=1e-4)
        assert one["edited"] == pytest.approx(float(edited[token]), rel=1e-4)
        assert one["text"] == model.tokenizer.decode([token])
    assert not torch.allclose(plain, edited, rtol=1e-2)


def test_the_plain_model_is_asked_once_while_an_edit_is_moved(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    run = LanguageModel.next_logits

    def counted(self: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
        passes.append(ids.shape[1])
        return run(self, ids)

    monkeypatch.setattr(LanguageModel, "next_logits", counted)

    def ask(text: str, value: float) -> dict[int, float]:
        steering = [{"feature": 3, "value": value, "raw": True}]
        answer = client.post(f"{SAE}/next", json={"text": text, "steering": steering, "top": 3}).json()
        return {one["token"]: one["plain"] for one in answer["chances"]}

    first = ask("the golden gate stands", 4.0)
    for value in (8.0, 16.0):
        again = ask("the golden gate stands", value)
        assert all(again[token] == first[token] for token in first.keys() & again.keys())
    assert len(passes) == 4  # one plain, three edited
    other = ask("an old red bridge", 4.0)
    assert len(passes) == 6
    assert other != first


def test_an_edit_of_the_answer_acts_at_the_position(client: TestClient) -> None:
    def ask(positions: str, position: int) -> Any:
        steering = {"feature": 3, "value": 9, "raw": True, "positions": positions}
        asked = {"text": TEXT, "position": position, "steering": [steering]}
        return client.post(f"{SAE}/next", json=asked).json()["chances"]

    assert ask("answer", 0) == ask("all", 0)
    assert ask("answer", 5) != ask("all", 5)


def test_a_chat_without_edits_has_plain_chances_alone(client: TestClient) -> None:
    asked = {"messages": [{"role": "user", "content": "hello"}], "top": 3}
    chances = client.post(f"{SAE}/next", json=asked).json()["chances"]
    assert len(chances) == 3
    assert {one["edited"] for one in chances} == {None}


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({}, "text, or messages"),
        ({"text": ""}, "empty"),
        ({"text": "fox", "position": 3}, "tokens 0 to"),
        ({"text": "fox", "tokens": [10**6]}, "there is no token 1000000"),
        ({"text": "fox", "steering": [{"feature": 64}]}, "0 to 63"),
        ({"text": TEXT * 99}, "sees at most 128"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked: dict[str, Any], part: str, client: TestClient) -> None:
    answer = client.post(f"{SAE}/next", json=asked)
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]
