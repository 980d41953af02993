"""What each page is for, done in a real browser as a person would."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.steps import PHONE, STUDY, findings, opened, width

PAGES = {
    "home": "",
    "search": "/search?by=words&q=bridge",
    "feature": "/feature/42",
    "map": "/map",
    "prompt": "/prompt?q=the+golden+gate",
    "chat": "/chat",
    "runs": "/runs",
    "compare": "/compare",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_itself_and_axe_finds_nothing(page: Page, address: str, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    opened(page, address, PAGES[name])
    page.wait_for_load_state("networkidle")
    assert findings(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(page: Page, address: str, name: str) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    opened(page, address, PAGES[name])
    page.wait_for_load_state("networkidle")
    assert width(page) <= PHONE


def test_home_tells_of_the_study_and_leads_to_a_feature(page: Page, address: str) -> None:
    opened(page, address)
    expect(page.get_by_role("heading", level=1)).to_have_text("64 features of model")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="main"))
    expect(row).to_contain_text("resid_post.1")
    page.locator("main ul a[href*='/feature/']").first.click()
    expect(page).to_have_url(re.compile(r"#/study/main/feature/\d+"))
    expect(page.get_by_role("heading", name="When it fires")).to_be_visible()


def test_search_by_words_finds_a_feature_and_its_address_says_what_was_asked(
    page: Page, address: str
) -> None:
    opened(page, address, "/search")
    page.get_by_role("textbox", name="Words to search for").fill("bridge")
    expect(page.get_by_role("link", name=re.compile("tokens 'bridge'")).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"search\?(by=words&)?q=bridge"))
    page.reload()
    expect(page.get_by_role("textbox", name="Words to search for")).to_have_value("bridge")
    expect(page.get_by_role("link", name=re.compile("tokens 'bridge'")).first).to_be_visible()


def test_search_by_a_prompt_shows_what_fires_at_a_token(page: Page, address: str) -> None:
    opened(page, address, "/search?by=prompt&q=the+golden+gate")
    page.get_by_role("button", name="gate").first.click()
    expect(page.get_by_role("link", name=re.compile("token 'gate'")).first).to_be_visible()


def test_the_slash_leads_to_search_from_anywhere(page: Page, address: str) -> None:
    opened(page, address, "/feature/3")
    page.keyboard.press("/")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/feature/42"))


def test_a_feature_shows_its_examples_reads_my_text_and_leads_to_the_next(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    expect(page.get_by_role("heading", level=3, name="Strongest")).to_be_visible()
    page.get_by_role("textbox", name="Try your own text").fill("the old bridge")
    expect(
        page.get_by_role("status").filter(has_text=re.compile("largest|strongest|fires|at"))
    ).to_be_visible()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"/feature/43"))
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(r"/feature/42"))
    tokens = page.locator("section", has=page.get_by_role("heading", name="Fires on tokens"))
    expect(tokens.get_by_text(re.compile(r"\d+ tokens? in all"))).to_be_visible()
    tokens.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/search\?by=token"))
    expect(page.get_by_role("link", name=re.compile("^42 "))).to_be_visible()


def test_a_feature_is_named_and_noted_by_a_person(page: Page, address: str) -> None:
    opened(page, address, "/feature/41")
    by_rule = page.get_by_role("heading", level=1).inner_text()
    page.keyboard.press("n")
    name, note = (page.get_by_role("textbox", name=one, exact=True) for one in ("Name", "Note"))
    expect(name).to_be_focused()
    name.fill("my zeppelin")
    note.fill("Seen in fog,\ntwice.")
    note.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("my zeppelin")
    expect(page.get_by_text("Saved")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Seen in fog,")).to_be_visible()
    page.goto(f"{address}/{STUDY}/search?by=words&q=zepp")
    page.get_by_role("link", name=re.compile("my zeppelin")).click()
    page.get_by_role("button", name="Edit name and note").click()
    name.fill("thrown away")
    name.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_contain_text("my zeppelin")
    page.get_by_role("button", name="Edit name and note").click()
    name.fill("")
    note.fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(by_rule)
    expect(page.get_by_role("button", name="Name it, or add a note")).to_be_focused()


def test_home_leads_to_a_concept_at_its_dose(page: Page, address: str) -> None:
    opened(page, address)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Golden Gate"))
    expect(row).to_contain_text("0.25")
    row.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/chat\?edit=golden_gate%3A1"))


def test_a_feature_can_be_steered_with(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    page.get_by_role("link", name="Steer with this").click()
    expect(page.get_by_role("region", name="The edit")).to_contain_text("42")


def test_the_map_is_drawn_and_a_feature_is_opened_by_keys(page: Page, address: str) -> None:
    opened(page, address, "/map")
    points = page.get_by_role("application")
    expect(points).to_be_visible()
    points.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/feature/\d+"))


def test_the_map_of_two_saes_tells_what_became_of_features(page: Page, address: str) -> None:
    opened(page, address, "/map?map=main%2Bwide")
    expect(page.get_by_role("heading", name="Across sizes")).to_be_visible()
    expect(page.get_by_role("heading", name="Clusters")).to_be_visible()


def test_a_clamped_feature_moves_the_next_token(page: Page, address: str) -> None:
    opened(page, address, "/prompt?q=the+golden+gate")
    grid = page.get_by_role("grid")
    expect(grid).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^token 'gate' clamp 3[25]")).first.click()
    expect(page.get_by_text(re.compile(r"Clamp 3[25]"))).to_be_visible()
    expect(page.get_by_text("clamped", exact=True)).to_be_visible()


def test_both_answers_of_a_chat_come_and_each_token_shows_its_features(page: Page, address: str) -> None:
    opened(page, address, "/chat?edit=42%3A2")
    page.get_by_role("textbox", name="tokens").or_(page.get_by_role("spinbutton", name="tokens")).fill("6")
    page.get_by_role("textbox", name="Ask both").fill("the old river")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(re.compile(r"^\d+ tokens?(, then cut)?$"))).to_have_count(2)
    expect(page.get_by_role("button", name="replay")).to_be_visible()


def test_the_edit_is_saved_as_a_file(page: Page, address: str) -> None:
    opened(page, address, "/chat?edit=42%3A2")
    with page.expect_download() as download:
        page.get_by_role("button", name="save as a file").click()
    assert "42" in json.dumps(json.loads(Path(download.value.path()).read_text()))


def test_runs_show_a_curve_and_its_table(page: Page, address: str) -> None:
    opened(page, address, "/runs")
    curve = page.get_by_role("figure", name=re.compile("^Variance explained"))
    expect(curve).to_be_visible()
    curve.get_by_text("as a table").click()
    expect(curve.get_by_role("table")).to_be_visible()


def test_two_saes_are_compared(page: Page, address: str) -> None:
    opened(page, address, "/compare")
    expect(page.get_by_role("heading", level=1)).to_contain_text("main beside")
    expect(page.get_by_role("rowheader", name=re.compile("Variance explained"))).to_be_visible()


def test_what_is_not_there_is_said_for_people(page: Page, address: str) -> None:
    page.goto(f"{address}/#/study/main/feature/9999")
    expect(page.get_by_role("main")).to_contain_text(re.compile("64|63"))
    page.goto(f"{address}/#/nowhere/main")
    expect(page.get_by_role("main")).to_contain_text("nowhere")
