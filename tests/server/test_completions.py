"""OpenAI-compatible routes, asked by OpenAI's own client over a real connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.index import FeatureIndex
from monosema.interventions import Dose, Edit, FiringsAt, clamp, steer, steer_stream
from monosema.models import LanguageModel, NewToken
from monosema.sae import SAE
from monosema.server import create_app
from monosema.server.writing import Order, Piece, write
from server.served import client_of, keep_dose, running, until

PROMPT = "the old fox crosses"
CHOICE: dict[str, Any] = {"max_tokens": 12, "temperature": 0.9, "top_p": 0.95, "seed": 7}
LIBRARY: dict[str, Any] = {"max_new_tokens": 12, "temperature": 0.9, "top_p": 0.95, "seed": 7}
MESSAGES: Any = [{"role": "user", "content": PROMPT}]


@pytest.fixture(scope="module")
def app(finished: Path) -> FastAPI:
    return create_app([finished])


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with running(app) as url:
        yield url


@pytest.fixture(scope="module")
def ai(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def living(finished: Path) -> int:
    """A feature that fires."""
    return int(ms.open(finished).index().table["maximum"].argmax())


def library(model: LanguageModel, sae: SAE, prompt: list[int], edits: list[Edit]) -> str:
    return steer(model, sae, [prompt], edits, **LIBRARY).texts[0]


def test_the_models_are_the_study_and_its_saes(ai: openai.OpenAI) -> None:
    assert [model.id for model in ai.models.list()] == ["study", "study/main"]
    assert ai.models.retrieve("study/main").owned_by == "main"


def test_a_completion_is_what_the_library_writes(ai: openai.OpenAI, model: LanguageModel, sae: SAE) -> None:
    answer = ai.completions.create(model="study", prompt=PROMPT, **CHOICE)
    assert answer.choices[0].text == library(model, sae, model.encode(PROMPT), [])
    assert answer.choices[0].finish_reason == "length"
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(model.encode(PROMPT)), 12)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_chat_is_what_the_library_answers(ai: openai.OpenAI, model: LanguageModel, sae: SAE) -> None:
    answer = ai.chat.completions.create(model="study/main", messages=MESSAGES, **CHOICE)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == library(model, sae, model.chat(MESSAGES), [])
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]
    again = ai.chat.completions.create(model="study/main", messages=parts, **CHOICE)
    assert again.choices == answer.choices


@pytest.mark.parametrize("form", ["multiple", "raw"])
def test_a_steered_chat_is_what_the_library_steers(
    form: str, ai: openai.OpenAI, finished: Path, model: LanguageModel, sae: SAE, living: int
) -> None:
    value = 3 * ms.open(finished).index().maximum(living)
    asked = (
        {"feature": living, "value": 3}
        if form == "multiple"
        else {"feature": living, "value": value, "raw": True}
    )
    answer = ai.chat.completions.create(
        model="study/main", messages=MESSAGES, extra_body={"steering": [asked]}, **CHOICE
    )
    expected = library(model, sae, model.chat(MESSAGES), [clamp(living, value)])
    assert answer.choices[0].message.content == expected
    assert expected != library(model, sae, model.chat(MESSAGES), [])


def test_a_control_is_steered_by_random_features_of_equal_norm(
    ai: openai.OpenAI, model: LanguageModel, sae: SAE, index: FeatureIndex, living: int
) -> None:
    edits = [clamp(living, 3 * index.maximum(living)), Edit(feature=3, operation="raise", value=2.0)]
    steering = [
        {"feature": living, "value": 3},
        {"feature": 3, "operation": "raise", "value": 2, "raw": True},
    ]
    asked = {"model": "study/main", "prompt": PROMPT, "extra_body": {"steering": steering, "control": 5}}
    answer = ai.completions.create(**asked, **CHOICE)  # type: ignore[call-overload]
    others = pipeline.random_edits(index, sae, edits, 5)
    assert answer.choices[0].text == library(model, sae, model.encode(PROMPT), others)
    assert answer.choices[0].text != library(model, sae, model.encode(PROMPT), edits)


def test_an_sae_can_be_named_in_the_steering(ai: openai.OpenAI, living: int) -> None:
    edit = {"feature": living, "operation": "add", "value": 4, "positions": "answer"}
    answers = [
        ai.completions.create(
            model=name, prompt=PROMPT, extra_body={"steering": [steering]}, **CHOICE
        ).choices
        for name, steering in [("study", edit | {"sae": "main"}), ("study/main", edit)]
    ]
    assert answers[0] == answers[1]


def test_a_streamed_chat_is_the_whole_one_in_pieces(ai: openai.OpenAI, living: int) -> None:
    asked: dict[str, Any] = CHOICE | {
        "model": "study/main",
        "messages": MESSAGES,
        "extra_body": {"steering": [{"feature": living}], "features": 3},
    }
    whole = ai.chat.completions.create(**asked)
    pieces = list(ai.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
    assert pieces[0].choices[0].delta.role == "assistant"
    told = [choice for piece in pieces for choice in piece.choices]
    assert "".join(choice.delta.content or "" for choice in told) == whole.choices[0].message.content
    assert [choice.finish_reason for choice in told if choice.finish_reason] == ["length"]
    assert (pieces[-1].choices, pieces[-1].usage) == ([], whole.usage)
    features = [one for choice in told for one in getattr(choice, "features", None) or []]
    assert features == whole.choices[0].features  # type: ignore[attr-defined]
    assert len({piece.id for piece in pieces}) == 1


def test_a_streamed_completion_is_the_whole_one_in_pieces(ai: openai.OpenAI) -> None:
    whole = ai.completions.create(model="study", prompt=[PROMPT], **CHOICE)
    pieces = list(ai.completions.create(model="study", prompt=PROMPT, stream=True, **CHOICE))
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text
    assert pieces[-1].choices[0].finish_reason == "length"
    assert all(piece.object == "text_completion" and piece.usage is None for piece in pieces)


def test_the_features_of_each_token_are_those_of_the_library(
    ai: openai.OpenAI, finished: Path, model: LanguageModel, sae: SAE
) -> None:
    answer = ai.completions.create(model="study/main", prompt=PROMPT, extra_body={"features": 4}, **CHOICE)
    stream = list(steer_stream(model, model.encode(PROMPT), watched=sae, top=4, **LIBRARY))
    tokens = [one.token for one in stream if isinstance(one, NewToken) and one.token is not None]
    index = ms.open(finished).index()
    assert answer.choices[0].features == [  # type: ignore[attr-defined]
        {
            "index": one.place,
            "token": tokens[one.place],
            "text": model.tokenizer.decode([tokens[one.place]]),
            "strongest": [
                {"number": number, "activation": value, "share": value / index.maximum(number)}
                for number, value in zip(one.features, one.activations, strict=True)
            ],
        }
        for one in stream
        if isinstance(one, FiringsAt)
    ]


def test_the_answer_ends_before_a_stop_text(ai: openai.OpenAI) -> None:
    whole = ai.completions.create(model="study", prompt=PROMPT, **CHOICE).choices[0].text
    stop = whole[4:7]
    for more in ({"stop": stop}, {"stop": ["no such text", stop]}):
        cut = ai.completions.create(model="study", prompt=PROMPT, **more, **CHOICE)  # type: ignore[call-overload]
        assert cut.choices[0].text == whole[: whole.index(stop)]
        assert cut.choices[0].finish_reason == "stop"
        assert cut.usage.completion_tokens <= 12
        pieces = ai.completions.create(model="study", prompt=PROMPT, stream=True, **more, **CHOICE)  # type: ignore[call-overload]
        assert "".join(piece.choices[0].text for piece in pieces) == cut.choices[0].text


def test_an_answer_without_a_seed_tells_the_one_that_gives_it_again(ai: openai.OpenAI) -> None:
    free = {key: value for key, value in CHOICE.items() if key != "seed"}
    first = ai.completions.create(model="study", prompt=PROMPT, **free)
    seed = first.seed  # type: ignore[attr-defined]
    again = ai.completions.create(model="study", prompt=PROMPT, seed=seed, **free)
    assert again.choices == first.choices


def test_no_temperature_is_the_likeliest_text(ai: openai.OpenAI, model: LanguageModel) -> None:
    answer = ai.completions.create(model="study", prompt=PROMPT, temperature=0, max_tokens=9)
    assert answer.choices[0].text == model.generate([PROMPT], max_new_tokens=9).texts[0]


@pytest.mark.parametrize(
    ("more", "status", "part"),
    [
        ({"model": "stdy"}, 404, 'did you mean "study"'),
        ({"model": "study/man"}, 404, 'did you mean "main"'),
        ({"n": 2}, 422, "body.n is 2; expected 1"),
        ({"logprobs": True}, 422, "body.logprobs is not known here"),
        ({"logprobs": 0}, 422, "body.logprobs is not known here"),
        ({"frequency_penalty": 0.5}, 422, "body.frequency_penalty is not known here"),
        ({"response_format": {"type": "json_object"}}, 422, "body.response_format is not known here"),
        ({"model": None}, 422, "body.model is missing"),
        ({"max_tokens": 5000}, 422, "body.max_tokens is 5000"),
        ({"max_tokens": 128}, 422, "shorten one of them"),
        ({"messages": []}, 422, "body.messages"),
        ({"steering": [{}]}, 422, "steering.0: give one thing"),
        ({"steering": [{"feature": 99}]}, 422, "0 to 63"),
        ({"steering": [{"feature": 1, "operation": "scale"}], "control": 1}, 422, "no norm to be equalled"),
        ({"steering": [{"feature": n, "raw": True} for n in range(64)], "control": 1}, 422, "edit fewer"),
        ({"steering": [{"feature": 1, "value": 1e9, "raw": True}]}, 422, "lower the dose"),
        ({"steering": [{"feature": 1, "sae": "man"}]}, 404, 'did you mean "main"'),
        ({"steering": [{"concept": "golden_gate"}]}, 404, "monosema dose"),
        ({"steering": [{"concept": "../../sae"}]}, 404, "monosema dose"),
        ({"steering": [{"concept": "golden_gate", "raw": True}]}, 422, "leave the rest out"),
    ],
)
def test_what_cannot_be_asked_is_one_error_in_openais_shape(
    more: dict[str, Any], status: int, part: str, ai: openai.OpenAI
) -> None:
    for stream in (False, True):
        asked = {"model": "study/main", "messages": MESSAGES, "stream": stream} | more
        with pytest.raises(openai.APIStatusError) as refused:
            ai.post("/chat/completions", body=asked, cast_to=object)
        assert refused.value.status_code == status
        body: Any = refused.value.body
        assert part in body["message"]
        assert body["type"] == "invalid_request_error"


def test_a_concept_is_steered_by_at_its_stored_dose(
    copied: Path, model: LanguageModel, sae: SAE, living: int
) -> None:
    client, asked = client_of(copied), CHOICE | {"model": "study/main", "prompt": PROMPT}
    dose = Dose(features=(living, 3), maxima=(2.0, 4.0), weights=(1.0, 0.5), multiple=1.5)
    keep_dose(copied, "golden_gate", dose)
    for value in (None, 2.0):
        steering = {"concept": "golden_gate"} | ({} if value is None else {"value": value})
        answer = client.post("/v1/completions", json=asked | {"steering": [steering]}).json()
        expected = library(model, sae, model.encode(PROMPT), dose.edits(value or 1.0))
        assert answer["choices"][0]["text"] == expected
    manifest = copied / "dose" / "main.golden_gate" / "manifest.json"
    found = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(found | {"parents": found["parents"] | {"sae/main": "of another SAE"}}))
    answer = client.post("/v1/completions", json=asked | {"steering": [{"concept": "golden_gate"}]})
    assert answer.status_code == 404, "the dose was of another SAE"


def test_features_of_a_study_with_several_saes_need_one_named(copied: Path) -> None:
    toml = copied / "study.toml"
    toml.write_text(
        toml.read_text() + toml.read_text().partition("[saes.main]")[2].join(["[saes.other]", ""])
    )
    asked = {"model": "study", "prompt": "x", "features": 2}
    answer = client_of(copied).post("/v1/completions", json=asked)
    assert answer.status_code == 422
    assert "study/main" in answer.json()["error"]["message"]


def test_a_study_is_the_model_of_its_first_sae_that_is_trained(copied: Path) -> None:
    toml = copied / "study.toml"
    head, main, rest = toml.read_text().partition("[saes.main]")
    toml.write_text(f"{head}[saes.early]{rest}\n{main}{rest}")
    client = client_of(copied)
    assert "study" in [entry["id"] for entry in client.get("/v1/models").json()["data"]]
    asked = {"model": "study", "prompt": "x", "max_tokens": 2}
    assert client.post("/v1/completions", json=asked).status_code == 200


@pytest.mark.parametrize(
    ("path", "asked"), [("completions", {"prompt": PROMPT}), ("chat/completions", {"messages": MESSAGES})]
)
def test_null_and_what_asks_for_nothing_are_as_if_they_were_not_there(
    path: str, asked: dict[str, Any], client: TestClient
) -> None:
    null = ["n", "stream", "stop", "stream_options", "steering", "features", "top_logprobs", "tools"]
    nothing = {
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logprobs": False,
        "logit_bias": {},
        "response_format": {"type": "text"},
        "user": "somebody",
    }
    answers = [
        client.post(f"/v1/{path}", json={"model": "study", **CHOICE, **asked, **more}).json()["choices"]
        for more in ({}, nothing, dict.fromkeys(null), {"temperature": 1}, {"temperature": None})
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[3] == answers[4]


def test_a_client_that_goes_frees_the_model(app: FastAPI, url: str) -> None:
    place = urlsplit(url)
    body = json.dumps({"model": "study", "prompt": "the", "max_tokens": 100, "stream": True}).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    pool = app.state.catalog.models
    sockets = [socket.create_connection((place.hostname, place.port)) for _ in range(6)]
    for one in sockets:
        one.sendall(request)
    sockets[0].recv(100)
    for one in sockets:
        one.close()
    until(lambda: pool.waiting == 0 and pool.idle)


def test_what_may_begin_a_stop_text_is_held_back(model: LanguageModel) -> None:
    order = Order(prompt=lambda model: model.encode(PROMPT), seed=7, most=12, temperature=0.9, top_p=0.95)
    whole = "".join(one.text for one in write(model, order) if isinstance(one, Piece))
    stop = whole[3:6] + "\0"
    held = Order(prompt=order.prompt, seed=7, most=12, temperature=0.9, top_p=0.95, stop=[stop])
    told = ""
    for one in write(model, held):
        if isinstance(one, Piece) and one.token is not None:
            told += one.text
            assert not any(told.endswith(stop[:n]) for n in range(1, len(stop)))
    assert "".join(one.text for one in write(model, held) if isinstance(one, Piece)) == whole
