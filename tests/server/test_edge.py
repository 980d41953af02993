"""The edges: foreign hosts, large bodies, the one shape of errors, the OpenAPI, and the real process."""

from __future__ import annotations

import json
import runpy
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi.testclient import TestClient

from monosema.errors import RefusedError, UsageError
from monosema.server import create_app, listen, url_of
from monosema.server.guard import MOST_BYTES
from pipeline.test_cli import RUN
from server.served import SAE, STUDY, client_of, running

ROUTES = {
    "health": "GET /healthz",
    "make_link": "POST /api/v1/link",
    "list_models": "GET /v1/models",
    "get_model": "GET /v1/models/{model}",
    "complete": "POST /v1/completions",
    "chat": "POST /v1/chat/completions",
    "get_health": "GET /health",
    "get_capabilities": "GET /v1/capabilities",
    "tokenize": "POST /v1/tokenize",
    "sae_vector": "POST /v1/util/sae-vector",
    "sae_topk_by_decoder_cossim": "POST /v1/util/sae-topk-by-decoder-cossim",
    "activation_single": "POST /v1/activation/single",
    "activation_single_batch": "POST /v1/activation/single-batch",
    "activation_all": "POST /v1/activation/all",
    "activation_all_batch": "POST /v1/activation/all-batch",
    "activation_topk_by_token": "POST /v1/activation/topk-by-token",
    "activation_topk_by_token_batch": "POST /v1/activation/topk-by-token-batch",
    "activation_source": "POST /v1/activation/source",
    "steer_completion": "POST /v1/steer/completion",
    "steer_completion_chat": "POST /v1/steer/completion-chat",
    "list_studies": "GET /api/v1/studies",
    "get_study": "GET /api/v1/studies/{study}",
    "list_saes": "GET /api/v1/studies/{study}/saes",
    "get_sae": "GET /api/v1/studies/{study}/saes/{sae}",
    "list_features": "GET /api/v1/studies/{study}/saes/{sae}/features",
    "get_feature": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}",
    "get_examples": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/examples",
    "get_relations": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/relations",
    "get_context": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/context",
    "get_firings": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/firings",
    "get_cosines": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/cosines",
    "get_elsewhere": "GET /api/v1/studies/{study}/saes/{sae}/features/{number}/elsewhere",
    "get_cards": "GET /api/v1/studies/{study}/saes/{sae}/cards",
    "get_distribution": "GET /api/v1/studies/{study}/saes/{sae}/distribution",
    "list_concepts": "GET /api/v1/studies/{study}/saes/{sae}/concepts",
    "find_features": "POST /api/v1/studies/{study}/saes/{sae}/find",
    "read_tokens": "POST /api/v1/studies/{study}/saes/{sae}/prompt",
    "next_tokens": "POST /api/v1/studies/{study}/saes/{sae}/next",
    "list_doses": "GET /api/v1/studies/{study}/saes/{sae}/doses",
    "get_dose": "GET /api/v1/studies/{study}/saes/{sae}/doses/{concept}",
    "list_runs": "GET /api/v1/studies/{study}/runs",
    "get_work": "GET /api/v1/studies/{study}/work",
    "list_maps": "GET /api/v1/studies/{study}/maps",
    "get_map": "GET /api/v1/studies/{study}/maps/{map}",
    "get_clusters": "GET /api/v1/studies/{study}/maps/{map}/clusters",
    "get_across": "GET /api/v1/studies/{study}/maps/{map}/across",
    "get_groundtruth": "GET /api/v1/studies/{study}/saes/{sae}/groundtruth",
    "list_beginnings": "GET /api/v1/studies/{study}/saes/{sae}/beginnings",
    "put_note": "PUT /api/v1/studies/{study}/saes/{sae}/features/{number}/note",
}

FOREIGN = {"ActiveFeatures"}
"""Another program's record with a key for each feature."""


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8765", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8765", "LOCALHOST"]
)
def test_this_machine_is_served_by_all_its_names(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["example.com", "localhost.example.com", "127.0.0.1.example.com", "192.168.0.7:8765", ""]
)
def test_a_request_for_another_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get(STUDY, headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "forbidden")


def test_a_body_of_10_mb_is_413_whether_or_not_it_says_so_before(client: TestClient) -> None:
    text = json.dumps({"text": "x" * 10_000_000}).encode()
    read = []

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(text), 100_000):
            read.append(start)
            yield text[start : start + 100_000]

    for body in (text, chunks()):
        answer = client.post(f"{SAE}/prompt", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (413, "too_large")
    most = json.dumps({"text": "x" * (MOST_BYTES - 12)}).encode()
    assert len(most) == MOST_BYTES
    answer = client.post(f"{SAE}/prompt", content=most, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "invalid")


def test_a_method_that_is_not_there_has_the_same_shape(client: TestClient) -> None:
    answer = client.delete(SAE)
    assert (answer.status_code, answer.json()["error"]["type"]) == (405, "not_allowed")
    assert answer.headers["allow"] == "GET"


def test_a_bug_tells_nothing_of_the_inside() -> None:
    app = create_app([])

    def broken() -> None:
        raise RuntimeError("a secret of /home/somebody")

    app.add_api_route("/broken/it", broken)
    answer = TestClient(app, base_url="http://localhost", raise_server_exceptions=False).get("/broken/it")
    assert answer.status_code == 500
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["type"] == "internal"
    assert "secret" not in answer.text


def test_whether_it_answers_is_told_while_every_thread_is_at_work() -> None:
    app = create_app([])

    async def hold() -> None:
        threads = current_default_thread_limiter()
        for number in range(int(threads.total_tokens)):
            await threads.acquire_on_behalf_of(number)

    app.add_api_route("/hold/all", hold)
    with running(app) as url:
        for path in ("/hold/all", "/healthz", "/health", "/metrics"):
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                assert answer.status == 200
        for path in ("/no-page", "/assets/no-page"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url + path, timeout=10)


def test_the_openapi_names_every_route_and_every_record(client: TestClient) -> None:
    api = client.get("/api/v1/openapi.json").json()
    operations = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
    }
    assert operations == ROUTES
    for path in api["paths"].values():
        for operation in path.values():
            answers = {
                code: one["content"]["application/json"] for code, one in operation["responses"].items()
            }
            assert set(answers) == {"200", "4XX", "5XX"}
            assert all(set(one["schema"]) == {"$ref"} for one in answers.values())
            assert answers["4XX"]["schema"]["$ref"].endswith("ErrorBody")
    for name, schema in api["components"]["schemas"].items():
        if schema["type"] == "object" and name not in FOREIGN:
            assert schema["additionalProperties"] is False, name
            assert not any(map(anonymous, schema["properties"].values())), name


def anonymous(schema: Any) -> bool:
    """Whether an object without a name stands somewhere in the schema of a field."""
    if isinstance(schema, list):
        return any(map(anonymous, schema))
    if not isinstance(schema, dict):
        return False
    return schema.get("type") == "object" or any(map(anonymous, schema.values()))


def test_the_openapi_is_printed_for_those_who_make_types_of_it(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_module("monosema.server.openapi", run_name="__main__")
    assert json.loads(capsys.readouterr().out) == client.get("/api/v1/openapi.json").json()


def test_the_process_serves_until_it_is_stopped(finished: Path) -> None:
    command = [*RUN, "serve", str(finished), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}{SAE}/concepts") as answer:
                body, tag = json.load(answer), answer.headers["etag"]
            with client_of(finished) as client:
                same = client.get(f"{SAE}/concepts")
            assert (body, tag) == (same.json(), same.headers["etag"])
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate()
        finally:
            process.kill()
    assert process.returncode == 143, stderr
    assert stderr.splitlines()[-1] == "monosema: the server was stopped"


def test_a_server_for_others_and_a_port_in_use_are_refused() -> None:
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.com"):
        with pytest.raises(RefusedError, match=f"{host} can be reached from other machines.*--token"):
            listen(host, 0)
    with listen("localhost", 0) as taken:
        port = taken.getsockname()[1]
        assert url_of(taken) == f"http://127.0.0.1:{port}"
        with pytest.raises(RefusedError, match=f"port {port} of 127.0.0.1 cannot be used.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match="65536"):
        listen("127.0.0.1", 65536)
