"""Search by sets of prompts and by figures, and what a link to it carries."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from browser.steps import numbers, opened
from server.served import SAE

ON = ["the golden gate stands in fog", "golden gate at dawn"]
OFF = "the red dog jumps over the old river"
LISTED = 30
"""Features of a list before more are asked for."""


def found(page: Page, address: str, **asked: Any) -> list[str]:
    """What the server itself finds."""
    answer = page.request.post(f"{address}{SAE}/find", data={"n": LISTED, **asked})
    return [str(one["feature"]["number"]) for one in answer.json()["candidates"]]


def asked_of(page: Page) -> dict[str, list[str]]:
    """The query of the address, which stands behind the #."""
    return parse_qs(urlsplit(urlsplit(page.url).fragment).query)


def fill(page: Page, name: str, texts: list[str]) -> None:
    for place, text in enumerate(texts, 1):
        page.get_by_role("textbox", name=f"{name}, text {place}").fill(text)


def test_sets_find_what_fires_on_all_of_some_texts_and_on_none_of_others(page: Page, address: str) -> None:
    on, both = found(page, address, on=ON), found(page, address, on=ON, off=[OFF])
    assert on != both
    opened(page, address, "/search?by=sets")
    fill(page, "Fires on all of", ON)
    expect(numbers(page)).to_have_text(on)
    fill(page, "and on none of", [OFF])
    expect(numbers(page)).to_have_text(both)
    page.get_by_role("group", name="and on none of").get_by_role("button", name="Take away text 1").click()
    expect(numbers(page)).to_have_text(on)


def test_a_filter_on_a_figure_leaves_the_features_within_it(page: Page, address: str) -> None:
    every = page.request.get(f"{address}{SAE}/features?limit=100").json()["features"]
    opened(page, address, "/search?by=list")
    expect(page.get_by_role("heading", level=2, name=f"{len(every)} features")).to_be_visible()
    page.get_by_role("slider", name="Least density").fill("10")
    expect(page).to_have_url(re.compile("density="))
    low = float(asked_of(page)["density"][0].removesuffix(".."))
    within = [str(one["number"]) for one in every if one["density"] >= low]
    assert 0 < len(within) < len(every)
    expect(
        page.get_by_role("heading", level=2, name=re.compile(rf"^{len(within)} features?$"))
    ).to_be_visible()
    expect(numbers(page)).to_have_text(within[:LISTED])
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("heading", level=2, name=f"{len(every)} features")).to_be_visible()


def test_a_link_to_a_search_restores_all_of_it(page: Page, address: str, stranger: Page) -> None:
    opened(page, address, "/search?by=sets")
    fill(page, "Fires on all of", ON)
    fill(page, "and on none of", [OFF])
    page.get_by_role("slider", name="Most maximum").fill("18")
    page.get_by_role("button", name="fires", exact=True).click()
    expect(page).to_have_url(re.compile("&off="))
    query = asked_of(page)
    high = float(query["maximum"][0].removeprefix(".."))
    bounds = {"maximum": {"low": None, "high": high}, "dead": False}
    rows = found(page, address, on=ON, off=[OFF], where=bounds)
    expect(numbers(page)).to_have_text(rows)

    stranger.goto(page.url)
    expect(numbers(stranger)).to_have_text(rows)
    for place, text in enumerate(ON, 1):
        expect(stranger.get_by_role("textbox", name=f"Fires on all of, text {place}")).to_have_value(text)
    expect(stranger.get_by_role("textbox", name="and on none of, text 1")).to_have_value(OFF)
    expect(stranger.get_by_role("slider", name="Most maximum")).to_have_value("18")
    expect(stranger.get_by_role("button", name="fires", exact=True)).to_have_attribute("aria-pressed", "true")
    assert asked_of(stranger) == query


def test_the_arrow_keys_walk_the_tokens_of_a_prompt(page: Page, address: str) -> None:
    opened(page, address, "/search?by=prompt&q=the+golden+gate")
    tokens = page.get_by_role("group", name="Tokens of the prompt").get_by_role("button", disabled=False)
    expect(tokens.first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(0)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(tokens.nth(0)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(tokens.nth(0)).to_have_attribute("aria-pressed", "false")
    expect(
        page.get_by_role("heading", level=2, name=re.compile("nearest to their own maximum"))
    ).to_be_visible()
