"""How fast the server answers, how it holds under load, and how soon its pages are there.

    python -m benchmarks.serve --study FOLDER --json

`feature_p99_ms`   a feature's record at 50 requests a second, from when each was due
`first_paint_s`    Home in headless Chromium with an empty cache, until the figures of its SAEs stand there, and until
                   its features do (`first_features_s`); `first_paint_cold_s`: of a server started a moment ago
`script_kb`        script that Home loads, as sent
`goodput`          completed reads a second of 200 clients on mixed routes, those of the model among them, for a minute
`errors`           answers that are neither whole nor 429, and 429 on reads that need no model; also while an index is
                   made (`errors_indexing`)
`memory_growth`    resident memory of the server after that over before
`first_token`      a streamed chat's first token over the same call of the library, medians in turns
`map_load_s`, `map_frames`   a map of a million planted points: until it is drawn; frames a second while it is moved

The study needs a finished index and a model that chats; nothing in it is changed.
"""

from __future__ import annotations

import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.harness import arguments, report
from benchmarks.in_browser import in_a_browser
from benchmarks.serving import monosema, resident_mb, serving
from monosema import pipeline
from monosema.pipeline import OpenStudy

TARGETS = {
    "feature_p99_ms": ("<=", 10),
    "first_paint_s": ("<=", 1),
    "script_kb": ("<=", 250),
    "errors": ("<=", 0),
    "errors_indexing": ("<=", 0),
    "goodput": (">=", 300),
    "memory_growth": ("<=", 1.1),
    "first_token": ("<=", 1.2),
}
CLIENTS, RATE = 200, 50
MODEL_ROUTES = ("prompt", "chat")
PROMPT = "Tell me about the Golden Gate Bridge."


def routes_of(study: OpenStudy, sae: str) -> list[list[Any]]:
    """Mixed routes: mostly reads, some that need the model."""
    base = f"/api/v1/studies/{study.name}"
    one = f"{base}/saes/{sae}"
    densest = int(study.index(sae).table["density"].argmax())  # one that fires: others cannot be steered by
    chat = {
        "model": f"{study.name}/{sae}",
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": 4,
        "steering": [{"feature": densest, "value": 1}],
    }
    reads: list[list[Any]] = [
        ["feature", "GET", f"{one}/features/{{n}}", None],
        ["examples", "GET", f"{one}/features/{{n}}/examples", None],
        ["list", "GET", f"{one}/features?sort=density", None],
        ["words", "POST", f"{one}/find", {"text": "bridge"}],
        ["distribution", "GET", f"{one}/distribution?statistic=density", None],
        ["study", "GET", base, None],
        ["page", "GET", "/", None],
    ]
    model: list[list[Any]] = [
        ["prompt", "POST", f"{one}/prompt", {"text": PROMPT}],
        ["chat", "POST", "/v1/chat/completions", chat],
    ]
    return reads * 6 + model


def loaded(url: str, features: int, routes: list[list[Any]], **how: Any) -> dict[str, Any]:
    """What the clients saw."""
    place = urlsplit(url)
    asked = {
        "address": [place.hostname, place.port],
        "routes": routes,
        "features": features,
        "rate": None,
    } | how
    command = [sys.executable, "-m", "benchmarks.load"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def wrong(seen: dict[str, Any]) -> int:
    """Answers that nobody should get."""
    return sum(
        count
        for route, statuses in seen["statuses"].items()
        for status, count in statuses.items()
        if status != "200" and not (status == "429" and route in MODEL_ROUTES)
    )


def reads_a_second(seen: dict[str, Any]) -> float:
    """Whole answers, by time."""
    return float(sum(statuses.get("200", 0) for statuses in seen["statuses"].values()) / seen["seconds"])


def under_load(study: OpenStudy, sae: str, seconds: float) -> tuple[dict[str, float], dict[str, Any]]:
    """Figures of the routes, and how each route fared."""
    routes, features = routes_of(study, sae), study.index(sae).d_sae
    only = [route for route in routes if route[0] == "feature"][:1]
    with serving(study.path) as (url, pid):
        loaded(url, features, routes, clients=20, seconds=min(seconds, 15))  # the model loads
        steady = loaded(url, features, only, clients=10, seconds=seconds / 2, rate=RATE)
        before = resident_mb(pid)
        seen = loaded(url, features, routes, clients=CLIENTS, seconds=seconds)
        growth = resident_mb(pid) / before
    figures = {
        "feature_p99_ms": float(np.quantile(steady["times"]["feature"], 0.99)),
        "feature_p50_ms": float(np.median(steady["times"]["feature"])),
        "errors": wrong(steady) + wrong(seen),
        "goodput": reads_a_second(seen),
        "memory_growth": growth,
    }
    each = {name: {"p50_ms": round(statistics.median(times), 1)} for name, times in seen["times"].items()}
    return figures, {name: one | seen["statuses"][name] for name, one in each.items()}


def while_indexing(study: OpenStudy, sae: str, seconds: float) -> dict[str, float]:
    """The same while the index of a copy of the study is made anew."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / study.name
        shutil.copytree(study.path, copy, ignore=shutil.ignore_patterns("old", "lock", "index"))
        making = monosema("index", str(copy), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        drafts = copy / "index"
        while making.poll() is None and not list(drafts.glob(".*.draft/segments/*")):
            time.sleep(0.5)
        try:
            with serving(copy) as (url, _):
                routes = [route for route in routes_of(study, sae) if route[0] != "words"]  # not there yet
                seen = loaded(url, study.sae(sae).d_sae, routes, clients=CLIENTS, seconds=seconds)
                went_on = making.poll() is None
        finally:
            making.terminate()
            making.wait()
    return {
        "errors_indexing": wrong(seen),
        "goodput_indexing": reads_a_second(seen),
        "indexing_went_on": float(went_on),
    }


def first_tokens(study: OpenStudy, sae: str, rounds: int = 7) -> dict[str, float]:
    """Milliseconds to the first token: the server's stream, and the library's."""
    model = study.model()
    prompt = model.chat([{"role": "user", "content": PROMPT}])
    body = {
        "model": f"{study.name}/{sae}",
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "max_tokens": 8,
        "temperature": 1.0,
        "seed": 1,
    }
    times: dict[str, list[float]] = {"server": [], "library": []}
    with serving(study.path) as (url, _):
        place = urlsplit(url)
        for _ in range(rounds + 1):
            start = time.perf_counter()
            connection = http.client.HTTPConnection(str(place.hostname), place.port)
            connection.request(
                "POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            while not says_something(answer.readline()):
                pass
            times["server"].append(1e3 * (time.perf_counter() - start))
            answer.read()
            connection.close()
            start = time.perf_counter()
            next(iter(model.stream(prompt, max_new_tokens=8, temperature=1.0, seed=1)))
            times["library"].append(1e3 * (time.perf_counter() - start))
    server, library = (statistics.median(some[1:]) for some in times.values())
    return {"first_token": server / library, "first_token_ms": server}


def says_something(line: bytes) -> bool:
    """Whether a line of the stream holds text of the answer."""
    assert line, "the stream ended"
    if not line.startswith(b"data: {"):
        return False
    return bool(json.loads(line[6:])["choices"][0]["delta"].get("content"))


def main() -> None:
    """Measure one thing after the other."""
    parser = arguments(__doc__)
    parser.add_argument("--study", type=Path, required=True)
    parser.add_argument("--sae", default="main")
    parser.add_argument("--seconds", type=float, default=60, help="of the load on mixed routes")
    options = parser.parse_args()
    study, start = pipeline.open_study(options.study), time.perf_counter()
    figures, routes = under_load(study, options.sae, options.seconds)
    figures |= in_a_browser(study, options.sae) | first_tokens(study, options.sae)
    figures |= while_indexing(study, options.sae, options.seconds)
    seconds = time.perf_counter() - start
    report("serve", figures, TARGETS, seconds, as_json=options.json, details={"routes": routes})


if __name__ == "__main__":
    main()
