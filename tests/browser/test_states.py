"""Pages in states beyond the first: what is opened, found, chosen or refused; in light and dark, and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.refused import CHAT, PROMPT, fill_the_queue
from browser.steps import PHONE, findings, opened, width

ALL_OF_THE_MAP = "-9000_-9000_9000_-9000_9000_9000_-9000_9000"
LONG = "+".join(["the+old+bridge"] * 100)
ASKED = "edit=42%3A2&tokens=6&q=the+old+river"


def choose_sae(page: Page) -> None:
    page.get_by_title("Study and SAE").click()
    expect(page.get_by_role("link", name=re.compile("^wide"))).to_be_visible()


def type_into_quick_search(page: Page) -> None:
    page.get_by_role("combobox", name="Search features").fill("bridge")
    expect(page.get_by_role("option").nth(2)).to_be_visible()


def ask_for_keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys on this page")).to_be_visible()


def find_by_sets(page: Page) -> None:
    expect(page.get_by_role("link", name=re.compile(r"^\d+ ")).first).to_be_visible()


def open_filters(page: Page) -> None:
    if not page.get_by_role("slider").first.is_visible():
        page.get_by_text("Show features with").click()
    expect(page.get_by_role("combobox", name="Fires at least once at")).to_be_visible()


def find_nothing(page: Page) -> None:
    expect(page.get_by_text("Nothing was found.")).to_be_visible()


def be_told_of_a_token(page: Page) -> None:
    expect(page.get_by_role("button", name="the whole prompt")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"^\d+ ")).first).to_be_visible()


def be_refused(page: Page) -> None:
    expect(page.get_by_role("alert").or_(page.get_by_text("longer than the 128")).first).to_be_visible()


def open_an_example(page: Page) -> None:
    page.get_by_role("button", name=re.compile("bridge")).first.click()
    expect(page.get_by_role("group", name=re.compile("^Text around token"))).to_be_visible()


def write_a_note(page: Page) -> None:
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note", exact=True)).to_be_visible()


def read_my_text(page: Page) -> None:
    page.get_by_role("textbox", name="Try your own text").fill("the old bridge")
    expect(page.get_by_role("status").filter(has_text="of the maximum")).to_be_visible()


def gather_on_the_map(page: Page) -> None:
    expect(page.get_by_role("region", name="In the loop").get_by_role("listitem").first).to_be_visible()
    expect(page.get_by_role("region", name="Chosen feature").get_by_role("link", name="Open")).to_be_visible()


def look_around(page: Page) -> None:
    expect(page.get_by_role("heading", level=1, name="Around 42")).to_be_visible()
    expect(page.get_by_role("region", name="Around feature 42").get_by_role("listitem").first).to_be_visible()


def hold_a_token_of_an_answer(page: Page) -> None:
    expect(page.get_by_role("button", name="replay")).to_be_visible()
    page.get_by_role("group", name=re.compile("^Steered answer")).locator("[data-cell='1']").click()
    expect(page.get_by_role("region", name="Features at a token")).to_be_visible()


def look_into_a_dose(page: Page) -> None:
    edit = page.get_by_role("region", name="The edit")
    edit.get_by_role("button", name=re.compile("^2 features together")).click()
    expect(edit.get_by_role("link", name=re.compile("^3 "))).to_be_visible()


def clamp_a_feature(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"clamp \d+$")).first.click()
    expect(page.get_by_text("clamped", exact=True)).to_be_visible()


def read_a_curve_as_a_table(page: Page) -> None:
    curve = page.get_by_role("figure", name=re.compile("^Variance explained"))
    curve.get_by_text("as a table").click()
    expect(curve.get_by_role("table")).to_be_visible()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "the list of SAEs": ("/feature/42", choose_sae),
    "the quick search": ("/feature/42", type_into_quick_search),
    "the keys": ("/feature/42", ask_for_keys),
    "results of sets": ("/search?by=sets&on=the+golden+gate&off=the+red+dog", find_by_sets),
    "filters": ("/search?by=list&density=0.001..", open_filters),
    "no result": ("/search?by=words&q=zzzz", find_nothing),
    "a token of a prompt": ("/search?by=prompt&q=the+golden+gate&at=2", be_told_of_a_token),
    "a prompt that is too long": (f"/search?by=prompt&q={LONG}", be_refused),
    "an example": ("/feature/42", open_an_example),
    "a note": ("/feature/42", write_a_note),
    "my own text": ("/feature/42", read_my_text),
    "my own text, too long": (f"/feature/42?try={LONG}", be_refused),
    "a loop and a chosen feature": (f"/map?pick=42&lasso={ALL_OF_THE_MAP}", gather_on_the_map),
    "around a feature": ("/map?pick=42&around=42", look_around),
    "a token of an answer": (f"/chat?{ASKED}", hold_a_token_of_an_answer),
    "a dose": ("/chat?edit=golden_gate%3A1", look_into_a_dose),
    "a busy chat": (f"/chat?{ASKED}", be_refused),
    "a busy prompt": ("/prompt?q=the+golden+gate", be_refused),
    "a clamped feature": ("/prompt?q=the+golden+gate", clamp_a_feature),
    "a table of a curve": ("/runs", read_a_curve_as_a_table),
}


@pytest.fixture(autouse=True)
def refused(refusals: set[str]) -> None:
    refusals |= {"422", "429"}


def reach(page: Page, address: str, state: str) -> None:
    route, way = STATES[state]
    if state.startswith("a busy"):
        fill_the_queue(page, CHAT if "chat" in state else PROMPT)
    opened(page, address, route)
    way(page)


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_a_state_in_light_and_dark(page: Page, address: str, state: str) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    reach(page, address, state)
    assert findings(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert findings(page) == []


@pytest.mark.parametrize("state", STATES)
def test_a_state_fits_a_phone(page: Page, address: str, state: str) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    reach(page, address, state)
    assert width(page) <= PHONE
