"""Features: lists against a slow filter, whole records, examples and contexts against the tokens themselves."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from monosema.index import FeatureIndex, bin_edges, read_names
from server.served import SAE


def listed(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list, one after the other."""
    found, cursor = [], {}
    while True:
        answer = client.get(f"{SAE}/features", params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["features"]) <= query.get("limit", 50)
        found += page["features"]
        if page["next"] is None:
            assert page["total"] == len(found)
            return found
        cursor = {"cursor": page["next"]}


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["number"] for row in rows]


@pytest.mark.parametrize("limit", [7, 64, 200])
@pytest.mark.parametrize("sort", ["number", "density", "maximum"])
def test_the_pages_to_the_end_are_the_whole_list(
    client: TestClient, index: FeatureIndex, limit: int, sort: str
) -> None:
    rows = listed(client, limit=limit, sort=sort, order="down")
    known = [index.feature(number) for number in range(index.d_sae)]
    assert numbers(rows) == [one.number for one in sorted(known, key=lambda one: -getattr(one, sort))]
    assert [row[sort] for row in rows] == [getattr(known[row["number"]], sort) for row in rows]


@pytest.mark.parametrize("statistic", ["density", "count", "mean", "maximum"])
def test_every_statistic_can_be_bounded_on_both_sides(
    client: TestClient, index: FeatureIndex, statistic: str
) -> None:
    values = [getattr(index.feature(number), statistic) for number in range(index.d_sae)]
    low, high = sorted(values)[20], sorted(values)[40]
    asked = {f"min_{statistic}": low, f"max_{statistic}": high}
    assert numbers(listed(client, **asked)) == [n for n, value in enumerate(values) if low <= value <= high]


def test_dead_features_are_apart_from_the_others(client: TestClient, index: FeatureIndex) -> None:
    count = index.table["count"]
    assert numbers(listed(client, dead=True)) == np.flatnonzero(count == 0).tolist()
    assert numbers(listed(client, dead=False)) == np.flatnonzero(count > 0).tolist()


def test_a_tag_leaves_the_features_that_fire_in_its_spans_best_first(
    client: TestClient, index: FeatureIndex
) -> None:
    rows = listed(client, tag="golden_gate", sort="f1", order="down", limit=9)
    tag = index.tags.tags.index("golden_gate")
    inside, marked = index.tags.counts(tag), int(index.tags.rows[tag])
    f1 = {n: 2 * int(inside[n]) / (int(index.table["count"][n]) + marked) for n in np.flatnonzero(inside)}
    assert numbers(rows) == sorted(f1, key=lambda n: -f1[n])


@pytest.mark.parametrize("expression", ["gold", "^ g", "(?i)GATE|fog", r"^\s*\w$", "nowhere"])
def test_an_expression_leaves_the_features_that_fire_on_such_tokens(
    client: TestClient, expression: str
) -> None:
    whole = listed(client)
    fits = [
        row["number"] for row in whole if any(re.search(expression, token["text"]) for token in row["tokens"])
    ]
    assert numbers(listed(client, q=expression)) == fits


def test_the_tokens_of_a_feature_are_those_that_hold_most_of_its_activation(
    client: TestClient, index: FeatureIndex
) -> None:
    for number in range(0, index.d_sae, 9):
        rows, values = index.postings(number)
        counts, sums = Counter[int](), Counter[int]()
        for token, value in zip(index.places(rows)[:, 2].tolist(), values.tolist(), strict=True):
            counts[token] += 1
            sums[token] += value  # type: ignore[assignment]
        shown = client.get(f"{SAE}/features/{number}").json()["tokens"]
        assert [token["share"] for token in shown] == pytest.approx(
            [share / sum(sums.values()) for _, share in sums.most_common(10)], rel=1e-4
        )
        assert all(token["count"] == counts[token["token"]] for token in shown)


def test_a_feature_has_its_whole_record(client: TestClient, index: FeatureIndex) -> None:
    number = int(np.argmax(index.table["count"]))
    record, known = client.get(f"{SAE}/features/{number}").json(), index.feature(number)
    assert record["histogram"] == {"edges": bin_edges().tolist(), "counts": list(known.histogram)}
    assert sum(record["histogram"]["counts"]) == record["count"] == known.count
    for end in ("promoted", "suppressed"):
        assert [(one["text"], one["logit"]) for one in record[end]] == list(getattr(known, end))
    assert [(one["number"], one["cosine"]) for one in record["neighbours"]] == list(known.neighbours)
    names = read_names(index.folder)
    for one in (record, *record["neighbours"]):
        assert one["name"] == asdict(names[one["number"]])
    assert record["coverage"] == {
        "finished": True,
        "positions": index.positions,
        "expected": index.positions,
    }
    for one in record["tags"]:
        tag = index.tags.tags.index(one["tag"])
        assert one["count"] == index.tags.counts(tag)[number]
        assert one["mean"] == pytest.approx(index.tags.means(tag)[number])
        assert one["precision"] == pytest.approx(one["count"] / record["count"])
        assert one["recall"] == pytest.approx(one["count"] / one["positions"])
    f1 = [one["f1"] for one in record["tags"]]
    assert f1 == sorted(f1, reverse=True)


def test_examples_stand_where_they_say_with_the_activation_that_the_index_has(
    client: TestClient, index: FeatureIndex
) -> None:
    number = int(np.argmax(index.table["count"]))
    answer = client.get(f"{SAE}/features/{number}/examples", params={"limit": 6}).json()
    assert answer["maximum"] == index.maximum(number)
    assert len(answer["examples"]) == 6
    peaks = [one["activations"][one["peak"]] for one in answer["examples"]]
    assert peaks == [one.value for one in index.top(number, 6)]
    for shown, known in zip(answer["examples"], index.top(number, 6), strict=True):
        assert (shown["tokens"], shown["document"]) == (list(known.tokens), known.document)
        check_place(client, index, number, shown)


def check_place(client: TestClient, index: FeatureIndex, number: int, shown: dict[str, Any]) -> None:
    """Ask for all that is around an example and compare it with the document."""
    place = {"document": shown["document"], "position": shown["position"], "before": 256, "after": 256}
    wide = client.get(f"{SAE}/features/{number}/context", params=place).json()
    assert wide["activations"][wide["peak"]] == shown["activations"][shown["peak"]]
    assert "".join(shown["tokens"]) in "".join(wide["tokens"])
    assert len(wide["tokens"]) == min(len(index.tokens.ids(shown["document"])), wide["peak"] + 257)
    assert wide["peak"] == min(shown["position"], 256)


@pytest.mark.parametrize(("name", "parts"), [("interval", 10), ("quantile", 5)])
def test_the_examples_of_each_part_of_the_range_are_those_of_the_index(
    client: TestClient, index: FeatureIndex, name: str, parts: int
) -> None:
    number = int(np.argmax(index.table["count"]))
    seen = 0
    for part in range(parts):
        known = getattr(index, name)(number, part)
        asked = {"group": f"{name}:{part}"}
        answer = client.get(f"{SAE}/features/{number}/examples", params=asked).json()
        shown = [
            (one["document"], one["tokens"], one["activations"], one["peak"]) for one in answer["examples"]
        ]
        assert shown == [(one.document, list(one.tokens), list(one.activations), one.peak) for one in known]
        seen += len(shown)
    assert seen > parts


def test_concepts_are_the_tags_of_the_text(client: TestClient, index: FeatureIndex) -> None:
    concepts = client.get(f"{SAE}/concepts").json()["concepts"]
    assert {one["tag"]: one["positions"] for one in concepts} == dict(
        zip(index.tags.tags, index.tags.rows.tolist(), strict=True)
    )
    positions = [one["positions"] for one in concepts]
    assert positions == sorted(positions, reverse=True)


@pytest.mark.parametrize(
    ("path", "status", "parts"),
    [
        ("features?q=[", 422, ["Invalid regular expression", "missing ]"]),
        ("features?q=((a{100}){100}){100}", 422, ["Invalid regular expression"]),
        ("features?tag=golden_gat", 422, ['did you mean "golden_gate"']),
        ("features?sort=f1", 422, ["no tag is given"]),
        ("features?sort=size", 422, ["query.sort is 'size'", "'density'"]),
        ("features?limit=0", 422, ["query.limit is '0'"]),
        ("features?limit=201", 422, ["200"]),
        ("features?cursor=x", 422, ["expected the `next` of a page"]),
        ("features?min_densty=0", 422, ["query.min_densty is not known here"]),
        (f"features?q={'a' * 201}", 422, ["200 characters"]),
        ("features/64", 404, ["no feature 64", "0 to 63"]),
        ("features/-1", 404, ["no feature -1"]),
        ("features/99999999999999999999999", 404, ["no feature"]),
        ("features/x", 422, ["path.number is 'x'"]),
        ("features/3/examples?group=interval:10", 422, ["'interval:9'", "'quantile:4'"]),
        ("features/3/examples?limit=1000", 422, ["query.limit"]),
        ("features/3/context?document=0", 422, ["query.position is missing"]),
        ("features/3/context?document=0&position=0&before=9999", 422, ["256"]),
        ("features/3/context?document=99999999999&position=0", 404, ["does not fire at position 0"]),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    client: TestClient, path: str, status: int, parts: list[str]
) -> None:
    answer = client.get(f"{SAE}/{path}")
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]["message"]
    for part in parts:
        assert part in answer.json()["error"]["message"]


def test_a_cursor_of_another_question_is_refused(client: TestClient) -> None:
    cursor = client.get(f"{SAE}/features", params={"limit": 3}).json()["next"]
    answer = client.get(f"{SAE}/features", params={"sort": "mean", "cursor": cursor})
    assert answer.status_code == 422
    assert "another order" in answer.json()["error"]["message"]
