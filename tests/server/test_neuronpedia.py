"""Routes that answer as Neuronpedia's inference server does, held against the library."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from torch.nn.functional import cosine_similarity

from monosema.interventions import Changes, Edit, Push, add, steer, steer_stream
from monosema.models import LanguageModel, NewToken
from monosema.sae import SAE

TEXT = "the old fox crosses the golden gate at dawn"
OF: dict[str, Any] = {"model": "study", "source": "main"}
STEER: dict[str, Any] = {
    "model": "study",
    "steerMethod": "SIMPLE_ADDITIVE",
    "normalizeSteering": False,
    "types": ["STEERED", "DEFAULT"],
    "nCompletionTokens": 10,
    "temperature": 0.8,
    "strengthMultiplier": 2.0,
    "freqPenalty": 0.0,
    "seed": 5,
}
MESSAGES = [{"role": "user", "content": "hello fox"}]


@pytest.fixture(scope="module")
def ids(model: LanguageModel) -> list[int]:
    """Neuronpedia puts the beginning-of-text token first."""
    assert model.tokenizer.bos_token_id is not None
    return [model.tokenizer.bos_token_id, *model.encode(TEXT)]


@pytest.fixture(scope="module")
def acts(model: LanguageModel, sae: SAE, ids: list[int]) -> torch.Tensor:
    """[n, d_sae], nothing at the special token."""
    found = sae.encode(model.capture(torch.tensor([ids]), [sae.input])[sae.input][0].float()).dense()
    found[0] = 0
    return found


def post(client: TestClient, path: str, **asked: Any) -> Any:
    answer = client.post(f"/v1/{path}", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_feature_is_read_at_each_token(
    client: TestClient, acts: torch.Tensor, model: LanguageModel
) -> None:
    feature = int(acts.amax(0).argmax())
    answer = post(client, "activation/single", prompt=TEXT, index=str(feature), **OF)
    values = acts[:, feature]
    assert answer["activation"] == {
        "values": values.tolist(),
        "maxValue": float(values.max()),
        "maxValueIndex": int(values.argmax()),
    }
    assert "".join(answer["tokens"][1:]) == TEXT
    assert answer["tokensIsSpecial"] == [True] + [False] * (len(values) - 1)
    again = post(
        client, "activation/single", prompt=model.tokenizer.bos_token + TEXT, index=str(feature), **OF
    )
    assert again == answer, "the token is not put there twice"
    batch = post(client, "activation/single-batch", prompts=[TEXT, TEXT], index=str(feature), **OF)
    assert batch == {"results": [answer, answer]}


def test_a_direction_is_read_at_a_hook_point(
    client: TestClient, model: LanguageModel, sae: SAE, ids: list[int]
) -> None:
    vector = torch.linspace(-1, 1, model.d_model)
    x = model.capture(torch.tensor([ids]), ["resid_post.0"])["resid_post.0"][0]
    for hook in ("resid_post.0", "blocks.0.hook_resid_post"):
        answer = post(
            client, "activation/single", prompt=TEXT, model="study", vector=vector.tolist(), hook=hook
        )
        assert answer["activation"]["values"] == pytest.approx((x @ vector).tolist(), abs=1e-6)


@pytest.mark.parametrize("sorting", [[], [3, 5]])
def test_the_strongest_features_of_a_prompt(
    client: TestClient, acts: torch.Tensor, sorting: list[int]
) -> None:
    asked = {"model": "study", "sourceSet": "any", "selectedSources": ["main"], "ignoreBos": True}
    answer = post(client, "activation/all", prompt=TEXT, sortByTokenIndexes=sorting, numResults=6, **asked)
    keys = acts[sorting].sum(0) if sorting else acts.amax(0)
    best = keys.argsort(descending=True, stable=True)[:6].tolist()
    fired = [feature for feature in best if acts[:, feature].any()]
    assert [one["index"] for one in answer["activations"]][: len(fired)] == fired
    for one in answer["activations"]:
        values = acts[:, one["index"]]
        assert (one["source"], one["values"]) == ("main", values.tolist())
        assert (one["maxValue"], one["maxValueIndex"]) == (float(values.max()), int(values.argmax()))
        assert one["sumValues"] == pytest.approx(float(values[sorting].sum()))
    everything = post(
        client, "activation/all-batch", prompts=[TEXT], sortByTokenIndexes=sorting, numResults=6,
        **asked | {"selectedSources": []},
    )  # fmt: skip
    assert everything == {"results": [answer]}


def test_the_strongest_features_of_each_token(client: TestClient, acts: torch.Tensor) -> None:
    answer = post(client, "activation/topk-by-token", prompt=TEXT, topK=3, ignoreBos=True, **OF)
    best = acts[1:].topk(3)
    assert [one["tokenPosition"] for one in answer["results"]] == list(range(1, len(acts)))
    assert "".join(answer["tokens"]) == TEXT
    for one, values, features in zip(answer["results"], best.values, best.indices, strict=True):
        assert one["topFeatures"] == [
            {"featureIndex": feature, "activationValue": value}
            for feature, value in zip(features.tolist(), values.tolist(), strict=True)
            if value > 0
        ]
    whole = post(client, "activation/topk-by-token-batch", prompts=[TEXT], topK=3, ignoreBos=False, **OF)
    first, *rest = whole["results"][0]["results"]
    assert (first["isSpecial"], first["topFeatures"]) == (True, [])
    assert rest == answer["results"]


def test_all_activations_of_an_sae(client: TestClient, acts: torch.Tensor) -> None:
    (result,) = post(client, "activation/source", prompts=[TEXT], **OF)["results"]
    seen = torch.zeros_like(acts)
    for feature, pairs in result["activeFeatures"].items():
        for position, value in pairs:
            seen[position, int(feature)] = value
    assert torch.equal(seen, acts)
    assert len(result["tokens"]) == len(acts)


def test_a_text_is_cut_into_tokens(client: TestClient, model: LanguageModel, ids: list[int]) -> None:
    answer = post(client, "tokenize", model="study", text=TEXT)
    assert (answer["tokens"], answer["prependBos"]) == (ids, True)
    assert answer["tokenStrings"] == [model.tokenizer.decode([one]) for one in ids]
    bare = post(client, "tokenize", model="study", text=TEXT, prepend_bos=False)
    assert (bare["tokens"], bare["prependBos"]) == (ids[1:], False)


def test_directions_and_those_close_to_them(client: TestClient, sae: SAE) -> None:
    answer = post(client, "util/sae-vector", index=7, **OF)
    assert answer["hookName"] == sae.output
    vector = torch.tensor(answer["vector"])
    assert torch.allclose(vector * sae.unit, sae.W_dec[7])
    cosines = cosine_similarity(sae.W_dec, sae.W_dec[7:8])
    best = cosines.argsort(descending=True)[:4]
    path = "util/sae-topk-by-decoder-cossim"
    of_feature = post(client, path, feature=OF | {"index": 7}, numResults=4, **OF)
    of_vector = post(client, path, vector=vector.tolist(), numResults=4, **OF)
    for found in (of_feature, of_vector):
        near = found["topkDecoderCossimFeatures"]
        assert [one["feature"]["index"] for one in near] == best.tolist()
        assert [one["cosineSimilarity"] for one in near] == pytest.approx(cosines[best].tolist(), abs=1e-5)
    assert of_feature["feature"] == OF | {"index": 7}


@pytest.mark.parametrize("normalise", [True, False])
def test_steering_adds_the_decoder_row(
    normalise: bool, client: TestClient, model: LanguageModel, sae: SAE, ids: list[int]
) -> None:
    strength = 3.0
    features = [OF | {"index": 4, "strength": strength}]
    answer = post(
        client, "steer/completion", prompt=TEXT, features=features, **STEER | {"normalizeSteering": normalise}
    )
    row = sae.W_dec[4] / sae.unit
    push = Push(2 * strength * (row / row.norm() if normalise else row))
    choice: dict[str, Any] = {"max_new_tokens": 10, "temperature": 0.8, "top_p": 1.0, "seed": 5}
    steered = steer(model, sae, [ids], push=push, **choice).texts[0]
    plain = steer(model, sae, [ids], **choice).texts[0]
    assert steered != plain
    assert answer["outputs"] == [
        {"type": "STEERED", "output": TEXT + steered},
        {"type": "DEFAULT", "output": TEXT + plain},
    ]


def test_a_steered_chat_can_spare_its_special_tokens(
    client: TestClient, model: LanguageModel, sae: SAE
) -> None:
    features, chat = [OF | {"index": 4, "strength": 8.0}], model.chat(MESSAGES)
    special = [place for place, one in enumerate(chat) if one in model.tokenizer.all_special_ids]
    assert special
    edits = [add(4, 16.0 * float(sae.W_dec[4].norm()))]
    texts = []
    for everywhere in (True, False):
        answer = post(
            client,
            "steer/completion-chat",
            prompt=MESSAGES,
            features=features,
            steerSpecialTokens=everywhere,
            **STEER,
        )
        steered, plain = (
            written(model, chat, [Changes(sae=sae, edits=some, spared=() if everywhere else special)])
            for some in (edits, list[Edit]())
        )
        raw = model.tokenizer.decode(chat)
        assert answer["input"] == {"chatTemplate": MESSAGES, "raw": raw}
        assert [one["raw"] for one in answer["outputs"]] == [raw + steered, raw + plain]
        assert [one["type"] for one in answer["outputs"]] == STEER["types"]
        said = {"role": "assistant", "content": steered}
        assert answer["outputs"][0]["chatTemplate"] == [*MESSAGES, said]
        texts.append(steered)
    assert texts[0] != texts[1]


def written(model: LanguageModel, prompt: list[int], changes: list[Changes]) -> str:
    stream = steer_stream(model, prompt, changes, max_new_tokens=10, temperature=0.8, top_p=1.0, seed=5)
    return "".join(one.text for one in stream if isinstance(one, NewToken))


@pytest.mark.parametrize(("path", "prompt"), [("completion", TEXT), ("completion-chat", MESSAGES)])
def test_a_stream_grows_to_the_whole_answer(path: str, prompt: Any, client: TestClient) -> None:
    features = [OF | {"index": 4, "strength": 3.0}]
    asked = STEER | {"prompt": prompt, "features": features}
    asked |= {"steerSpecialTokens": True} if path == "completion-chat" else {}
    whole = post(client, f"steer/{path}", **asked)
    with client.stream("POST", f"/v1/steer/{path}", json=asked | {"stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    assert len(events) > STEER["nCompletionTokens"]
    assert events[-1] == whole
    key = "output" if path == "completion" else "raw"
    for before, after in pairwise(events):
        for one, other in zip(before["outputs"], after["outputs"], strict=True):
            assert other[key].startswith(one[key])


def test_what_can_be_asked_is_told(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "healthy"}
    told = client.get("/v1/capabilities").json()
    assert told["models"] == [{"model": "study", "sources": ["main"]}]
    assert told["endpoints"]["steer_completion"] is True
    assert told["endpoints"]["activation_attention"] is False


@pytest.mark.parametrize(
    ("path", "asked", "status", "part"),
    [
        (
            "activation/single",
            {"model": "stdy", "source": "main", "index": "1", "prompt": "x"},
            404,
            '"study"',
        ),
        (
            "activation/single",
            {"model": "study", "source": "man", "index": "1", "prompt": "x"},
            404,
            '"main"',
        ),
        ("activation/single", OF | {"index": "64", "prompt": "x"}, 422, "0 to 63"),
        ("activation/single", OF | {"index": "-1", "prompt": "x"}, 422, "0 to 63"),
        ("activation/single", OF | {"index": "9" * 5000, "prompt": "x"}, 422, "0 to 63"),
        ("activation/single", OF | {"prompt": "x"}, 422, "give one thing"),
        (
            "activation/single",
            {"model": "study", "vector": [1], "hook": "resid_post.0", "prompt": "x"},
            422,
            "wide",
        ),
        (
            "activation/single",
            {"model": "study", "vector": [1], "hook": "resid.0", "prompt": "x"},
            422,
            "unknown",
        ),
        (
            "activation/single",
            {"model": "study", "vector": [1e99] * 32, "hook": "resid_post.0", "prompt": "x"},
            422,
            "not finite",
        ),
        ("activation/single", OF | {"index": "1", "prompt": TEXT * 99}, 422, "longer than the 128"),
        ("activation/source", OF | {"prompts": ["x"] * 5}, 422, "body.prompts"),
        ("util/sae-vector", OF | {"index": -1}, 422, "0 to 63"),
        ("steer/completion", STEER | {"prompt": "x", "features": []}, 422, "body.features"),
        (
            "steer/completion",
            STEER | {"prompt": "x", "steerMethod": "PROJECTION_CAP"},
            422,
            "SIMPLE_ADDITIVE",
        ),
        (
            "steer/completion",
            STEER | {"prompt": "x", "features": [OF | {"index": 1, "strength": 1.0}], "freqPenalty": 1.0},
            422,
            "expected 0",
        ),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    path: str, asked: dict[str, Any], status: int, part: str, client: TestClient
) -> None:
    answer = client.post(f"/v1/{path}", json=asked)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert part in answer.json()["error"]["message"]
