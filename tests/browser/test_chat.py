"""A chat as a person has it: presets, branches, replay, stopping, and a model that is busy."""

from __future__ import annotations

import itertools
import re
import threading
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.refused import CHAT, SECONDS, fill_the_queue
from browser.steps import opened
from monosema.server.errors import GoneError
from monosema.server.worker import Job

QUESTION = "the old river"
ASKED = f"/chat?edit=42%3A2&tokens=8&seed=3&q={quote(QUESTION)}"
STEPS = 40
"""Times at which the model looks whether anybody waits, before it is held: after some tokens, and before the last."""


def words(page: Page, side: str) -> Locator:
    """The answer of one side; where a question branches, of the branch that is shown."""
    return page.get_by_role("group", name=re.compile(f"^{side} answer"))


def answered(page: Page) -> None:
    """Wait until both answers are whole."""
    expect(page.get_by_text(re.compile(r"^\d+ tokens?(, then cut)?$"))).to_have_count(2)
    expect(page.get_by_role("button", name="replay")).to_be_visible()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The model stands still in the midst of the first answer until nobody waits for it; the event is set then."""
    gone, steps, check = threading.Event(), itertools.count(), Job.check

    def look(job: Job[None]) -> None:
        if next(steps) > STEPS and not gone.is_set():
            job._left.wait(60)
        try:
            check(job)
        except GoneError:
            gone.set()
            raise

    monkeypatch.setattr(Job, "check", look)
    return gone


def test_a_preset_is_the_edit_until_another_is_chosen(page: Page, address: str) -> None:
    opened(page, address, "/chat")
    edit = page.get_by_role("region", name="The edit")
    dose = edit.get_by_role("slider", name="Dose of Golden Gate")
    expect(dose).to_have_value("1")
    edit.get_by_role("combobox", name="preset").select_option("nothing")
    expect(dose).to_have_count(0)
    expect(page).to_have_url(re.compile("edit=none"))
    edit.get_by_role("combobox", name="preset").select_option("Golden Gate")
    expect(dose).to_have_value("1")
    expect(page).to_have_url(re.compile("edit=golden_gate%3A1"))
    edit.get_by_role("button", name="take apart").click()
    expect(edit.get_by_role("slider", name=re.compile(r"^Dose of (3|5) "))).to_have_count(2)
    expect(edit.get_by_role("combobox", name="preset")).to_have_value("")


def test_the_same_seed_gives_the_same_words_here_and_to_whoever_has_the_link(
    page: Page, address: str, stranger: Page
) -> None:
    opened(page, address, ASKED)
    answered(page)
    said = {side: words(page, side).inner_text() for side in ("Steered", "Plain")}
    assert said["Steered"] != said["Plain"]
    page.get_by_role("button", name="replay").click()
    expect(page.get_by_text("replayed: the same text")).to_have_count(2)
    assert {side: words(page, side).inner_text() for side in said} == said
    stranger.goto(page.url)
    answered(stranger)
    assert {side: words(stranger, side).inner_text() for side in said} == said

    page.get_by_role("button", name="another seed").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    expect(page.get_by_text("seed 4")).to_be_visible()
    answered(page)
    assert words(page, "Steered").inner_text() != said["Steered"]


def test_a_feature_at_a_token_becomes_part_of_a_branch(page: Page, address: str) -> None:
    opened(page, address, ASKED)
    answered(page)
    before = words(page, "Steered").inner_text()
    words(page, "Steered").locator("[data-cell='1']").click()
    token = page.get_by_role("region", name="Features at a token")
    expect(token).to_contain_text("token 2, steered")
    token.get_by_role("button", name=re.compile(r"^Steer with (?!42$)\d+$")).first.click()
    edit = page.get_by_role("region", name="The edit")
    expect(edit.get_by_role("slider")).to_have_count(2)
    page.get_by_role("button", name="Answer with the present edit").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    answered(page)
    assert words(page, "Steered").inner_text() != before
    page.get_by_role("button", name="Branch before").click()
    expect(page.get_by_text("1 of 2")).to_be_visible()
    assert words(page, "Steered").inner_text() == before


def test_the_arrow_keys_walk_the_tokens_of_an_answer(page: Page, address: str) -> None:
    opened(page, address, ASKED)
    answered(page)
    words(page, "Plain").focus()
    token = page.get_by_role("region", name="Features at a token")
    for key, place in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        expect(token).to_contain_text(f"token {place}, plain")
    page.keyboard.press("Escape")
    expect(token).to_have_count(0)


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_an_answer_that_is_stopped_stays_as_far_as_it_came_and_frees_the_model(
    page: Page, address: str, held: threading.Event, way: str
) -> None:
    opened(page, address, "/chat?edit=42%3A2&tokens=40")
    page.get_by_role("textbox", name="Ask both").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(words(page, "Steered").locator("[data-cell]").first).to_be_visible()
    if way == "button":
        page.get_by_role("button", name="Stop Esc").click()
    else:
        page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile(r"^stopped after \d+ tokens?$"))).to_be_visible()
    assert held.wait(60)
    page.get_by_role("button", name="write it again").click()
    answered(page)


def test_a_busy_model_says_when_to_ask_again_and_is_asked_again(
    page: Page, address: str, refusals: set[str]
) -> None:
    refusals.add("429")
    fill_the_queue(page, CHAT)
    opened(page, address, ASKED)
    expect(page.get_by_role("alert")).to_have_text("The model is busy with others.")
    expect(page.get_by_text(f"It can be asked again after {SECONDS} s.")).to_be_visible()
    page.unroute(CHAT)
    page.get_by_role("button", name="Try again", exact=True).click()
    answered(page)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_question_that_is_too_long_is_refused_in_words_and_the_chat_goes_on(
    page: Page, address: str, refusals: set[str]
) -> None:
    refusals.add("422")
    opened(page, address, "/chat?edit=42%3A2&tokens=8")
    box = page.get_by_role("textbox", name="Ask both")
    box.fill("the old bridge " * 100)
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("128")
    page.get_by_role("button", name="begin anew").click()
    box.fill(QUESTION)
    box.press("Enter")
    answered(page)
