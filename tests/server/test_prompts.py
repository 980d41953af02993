"""Prompts: the model at work, one request at a time."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import monosema as ms
from monosema.index import FeatureIndex
from monosema.index.contexts import TokenTexts
from monosema.index.reading import texts_of
from monosema.models import LanguageModel
from monosema.server import create_app, worker
from monosema.server.errors import GoneError
from monosema.server.presence import Caller
from monosema.server.worker import LONGEST_RETRY, WAITING
from server.served import SAE, client_of, running, until

T = TypeVar("T")
TEXT = "the old fox crosses the golden gate at dawn"


def test_the_tokens_of_a_prompt_have_the_features_that_the_sae_gives(
    client: TestClient, finished: Path, index: FeatureIndex
) -> None:
    study = ms.open(finished)
    model, sae = study.model(), study.sae()
    acts = sae.encode(model.capture(TEXT, sae.input).float()).dense()  # [n, d_sae]
    chosen = [7, 3, 7]
    answer = client.post(f"{SAE}/prompt", json={"text": TEXT, "top": 2, "features": chosen}).json()
    assert "".join(token["text"] for token in answer["tokens"]) == TEXT
    assert [token["token"] for token in answer["tokens"]] == model.encode(TEXT)
    for token, row in zip(answer["tokens"], acts, strict=True):
        assert token["left_out"] is None
        assert token["values"] == row[chosen].tolist()
        best = [firing["activation"] for firing in token["strongest"]]
        assert best == row.topk(2).values.tolist()
        assert token["fires"] == int((row > 0).sum())
        for firing in token["strongest"]:
            assert row[firing["number"]] == firing["activation"]
            maximum = index.maximum(firing["number"])
            assert firing["share"] == pytest.approx(firing["activation"] / maximum)


def test_a_chat_is_read_with_its_template_whose_special_tokens_are_left_out(client: TestClient) -> None:
    messages = [{"role": "user", "content": "the <s> fox"}]
    answer = client.post(f"{SAE}/prompt", json={"messages": messages}).json()
    assert "".join(token["text"] for token in answer["tokens"]) == "<s>user: the <s> fox</s>"
    left = [token for token in answer["tokens"] if token["left_out"]]
    assert [(token["text"], token["left_out"]) for token in left] == [("<s>", "special"), ("</s>", "special")]
    assert not any(token["strongest"] for token in left)


def test_massive_positions_are_left_out(copied: Path) -> None:
    record = copied / "sae" / "main" / "sae.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"massive": 1e-6}))
    manifest = json.loads((copied / "sae" / "main" / "manifest.json").read_text())
    place = copied / "sae" / "main" / "manifest.json"
    place.write_text(json.dumps(resealed(manifest, record)))
    tokens = client_of(copied).post(f"{SAE}/prompt", json={"text": TEXT, "features": [1]}).json()["tokens"]
    assert {token["left_out"] for token in tokens} == {"massive"}
    assert not any(token["strongest"] or any(token["values"]) for token in tokens)


def resealed(manifest: dict[str, Any], file: Path) -> dict[str, Any]:
    from monosema.artifact import content_hash
    from monosema.files import digest_file

    manifest["files"][file.name] = {"bytes": file.stat().st_size, "blake2": digest_file(file)}
    return manifest | {"hash": content_hash(manifest["files"], manifest["asked"])}


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({}, "text, or messages"),
        ({"text": "x", "messages": [{"role": "user", "content": "x"}]}, "text, or messages"),
        ({"text": ""}, "empty"),
        ({"text": TEXT * 100}, "longer than the 128"),
        ({"text": "x", "features": [64]}, "0 to 63"),
        ({"text": "x", "features": list(range(65))}, "64"),
        ({"text": "x", "top": 21}, "body.top is 21"),
        ({"messages": []}, "body.messages"),
        ({"messages": [{"role": "user"}]}, "body.messages.0.content is missing"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_one_line(
    client: TestClient, asked: dict[str, Any], part: str
) -> None:
    answer = client.post(f"{SAE}/prompt", json=asked)
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "part"),
    [(b"{", "no JSON"), (b'{"text": "\\ud800"}', "body.text is '\\ud800'"), (b"[1]", "body is [1]")],
)
def test_a_body_that_is_no_record_is_one_line(client: TestClient, body: bytes, part: str) -> None:
    answer = client.post(f"{SAE}/prompt", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]


def test_a_prompt_is_read_without_an_index_but_for_the_shares(copied: Path) -> None:
    shutil.rmtree(copied / "index")
    answer = client_of(copied).post(f"{SAE}/prompt", json={"text": TEXT}).json()
    firings = [firing for token in answer["tokens"] for firing in token["strongest"]]
    assert firings
    assert {firing["share"] for firing in firings} == {None}


def test_many_prompts_at_once_have_the_answers_of_each_alone(client: TestClient) -> None:
    prompts = [f"{TEXT} {'fox ' * n}" for n in range(WAITING - 1)]
    alone = [client.post(f"{SAE}/prompt", json={"text": text}).json() for text in prompts]
    with ThreadPoolExecutor(len(prompts)) as threads:
        together = list(
            threads.map(lambda text: client.post(f"{SAE}/prompt", json={"text": text}).json(), prompts)
        )
    assert together == alone


def test_the_one_too_many_who_waits_is_429_and_told_when_to_ask_again(finished: Path) -> None:
    client = client_of(finished)
    served, inside, go = client.app.state.catalog.sae("study", "main"), threading.Event(), threading.Event()

    def hold(model: LanguageModel) -> LanguageModel:
        inside.set()
        go.wait()
        return model

    def ask(number: int, work: Callable[[LanguageModel], T]) -> T:
        return client.app.state.catalog.with_model(served, Caller(client=str(number)), work)

    with ThreadPoolExecutor(WAITING + 1) as threads:
        first = threads.submit(ask, WAITING, hold)
        inside.wait()
        others = [threads.submit(ask, number, lambda model: model) for number in range(WAITING)]
        until(lambda: client.app.state.catalog.models.waiting == WAITING)
        answer = client.post(f"{SAE}/prompt", json={"text": TEXT})
        go.set()
        assert {id(one.result()) for one in others} == {id(first.result())}, "one model for all"
    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "busy")
    assert 1 <= int(answer.headers["retry-after"]) <= LONGEST_RETRY
    assert client.post(f"{SAE}/prompt", json={"text": TEXT}).status_code == 200


def test_a_read_that_is_begun_ends_in_the_midst_of_a_pass_when_its_client_goes(finished: Path) -> None:
    catalog, caller, reached = create_app([finished]).state.catalog, Caller(client="a"), list[str]()

    def leave(x: Tensor) -> Tensor:
        reached.append("the first block")
        caller.presence.leave()
        return x

    def read(model: LanguageModel) -> None:
        with model.edit({"resid_pre.0": leave}):
            model.logits(torch.tensor([model.encode(TEXT)]))
        reached.append("the end")

    served = catalog.sae("study", "main")
    with pytest.raises(GoneError):
        catalog.with_model(served, caller, read)
    assert reached == ["the first block"]
    assert catalog.with_model(served, Caller(client="a"), lambda model: model.encode(TEXT)), "nothing is left"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (f"{SAE}/prompt", {"text": TEXT}),
        (f"{SAE}/next", {"text": TEXT}),
        (f"{SAE}/find", {"on": [TEXT]}),
        ("/v1/activation/single", {"model": "study", "source": "main", "index": 1, "prompt": TEXT}),
    ],
)
def test_a_read_that_takes_too_long_is_504(
    path: str, asked: dict[str, Any], client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(worker, "WORK_SECONDS", 0.0)
        answer = client.post(path, json=asked)
    assert (answer.status_code, answer.json()["error"]["type"]) == (504, "late")
    assert client.post(path, json=asked).status_code == 200


def test_a_request_that_waits_leaves_when_its_client_goes(finished: Path) -> None:
    app, inside, go = create_app([finished]), threading.Event(), threading.Event()
    catalog = app.state.catalog

    def hold(model: object) -> None:
        inside.set()
        go.wait()

    body = json.dumps({"text": TEXT}).encode()
    head = [f"POST {SAE}/prompt HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
    with running(app) as url, ThreadPoolExecutor(1) as thread:
        first = thread.submit(catalog.with_model, catalog.sae("study", "main"), Caller(client="a"), hold)
        inside.wait()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(request)
            until(lambda: catalog.models.waiting == 1)
        until(lambda: catalog.models.waiting == 0)
        go.set()
        first.result()


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_texts_by_windows_are_the_texts_by_all_beginnings(text: str) -> None:
    ids = list(text.encode())
    decode = lambda some: bytes(some).decode(errors="replace")  # noqa: E731
    assert texts_of(TokenTexts(decode), ids) == list(TokenTexts(decode).of(ids))
