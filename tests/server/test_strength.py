"""How statistics are spread, how strongly features fire, and cards: against what the index and other routes tell."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from monosema.index import FeatureIndex
from monosema.index.firing import silent_at_its_token
from server.served import SAE


@pytest.mark.parametrize("statistic", ["density", "count", "mean", "maximum"])
@pytest.mark.parametrize(("scale", "bins"), [("log", 20), ("linear", 7), ("log", 1)])
def test_every_feature_that_fires_is_in_one_bin(
    client: TestClient, index: FeatureIndex, statistic: str, scale: str, bins: int
) -> None:
    asked = {"statistic": statistic, "scale": scale, "bins": bins}
    told = client.get(f"{SAE}/distribution", params=asked).json()
    alive = index.table["count"] > 0
    values = np.asarray(index.table[statistic], dtype=np.float64)[alive]
    edges = told["edges"]
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    steps = np.diff(np.log(edges)) if scale == "log" else np.diff(edges)
    assert steps == pytest.approx(steps.mean())
    last = bins - 1
    expected = [
        int(((values >= low) & ((values < high) | ((n == last) & (values == high)))).sum())
        for n, (low, high) in enumerate(pairwise(edges))
    ]
    assert told["counts"] == expected
    assert sum(expected) == told["fires"] == alive.sum()
    assert (told["dead"], told["median"]) == ((~alive).sum(), np.median(values))


def test_firings_by_tenth_are_counted_and_the_silent_ones_shown(
    client: TestClient, index: FeatureIndex
) -> None:
    numbers = np.argsort(-index.table["count"])[[0, 5, 20]].tolist()
    for number in numbers:
        told = client.get(f"{SAE}/features/{number}/firings").json()
        _, values = index.postings(number)
        shares = values.astype(np.float64) / values.max()
        assert told["counts"] == [
            int(((shares > n / 10) & (shares <= (n + 1) / 10)).sum()) for n in range(10)
        ]
        row = client.get(f"{SAE}/features/{number}").json()
        assert sum(told["counts"]) == row["count"]
        assert (told["silent"]["token"], told["silent"]["text"]) == (
            row["tokens"][0]["token"],
            row["tokens"][0]["text"],
        )
        standing = sum(int((segment.tokens == told["silent"]["token"]).sum()) for segment in index.segments)
        assert told["silent"]["positions"] == standing - row["tokens"][0]["count"]
        assert [(one["token"], one["count"], one["share"]) for one in told["tokens"]][
            : len(row["tokens"])
        ] == [(one["token"], one["count"], pytest.approx(one["share"], rel=1e-3)) for one in row["tokens"]]
        assert told["all_tokens"] >= len(told["tokens"]) > 0
        first = told["tokens"][0]
        assert first["positions"] == standing
        assert first["mean"] * standing == pytest.approx(first["share"] * values.sum(), rel=1e-6)
        shown = client.get(f"{SAE}/features/{number}/examples", params={"group": "silent", "limit": 3}).json()
        rows = silent_at_its_token(index, number, 3).rows
        assert [(one["document"], one["position"]) for one in shown["examples"]] == [
            tuple(place) for place in index.places(rows)[:, :2].tolist()
        ]
        assert all(one["activations"][one["peak"]] == 0 for one in shown["examples"])
        assert all(one["tokens"][one["peak"]] == told["silent"]["text"] for one in shown["examples"])


def test_cards_are_rows_with_histogram_and_strongest_example_in_the_order_asked_for(
    client: TestClient,
) -> None:
    asked = [9, 1, 63]
    told = client.get(f"{SAE}/cards", params={"numbers": ",".join(map(str, asked))}).json()
    assert [card["number"] for card in told["features"]] == asked
    assert told["version"] == client.get(SAE).json()["version"]
    for card in told["features"]:
        record = client.get(f"{SAE}/features/{card['number']}").json()
        shown = client.get(f"{SAE}/features/{card['number']}/examples", params={"limit": 1}).json()
        example: Any = card.pop("example")
        assert card == {key: record[key] for key in card}
        assert [example] == shown["examples"]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("cards", "query.numbers is missing"),
        ("cards?numbers=1,x", "query.numbers"),
        ("cards?numbers=64", "no feature 64"),
        (f"cards?numbers={','.join(['1'] * 201)}", "query.numbers"),
        ("distribution?statistic=size", "query.statistic is 'size'"),
        ("distribution?bins=0", "query.bins is '0'"),
        ("features/3/firings?x=1", "query.x is not known here"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(client: TestClient, path: str, part: str) -> None:
    answer = client.get(f"{SAE}/{path}")
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]
