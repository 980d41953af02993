"""The keys that pages promise, where there is more to them than a step; and the box that reads one's own text."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from browser.steps import opened


def test_walking_goes_round_the_ends_and_takes_along_what_is_tried(page: Page, address: str) -> None:
    opened(page, address, "/feature/63?try=the+old+bridge")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"/feature/0\?try=the(\+|%20)old(\+|%20)bridge"))
    expect(page.get_by_role("textbox", name="Try your own text")).to_have_value("the old bridge")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(r"/feature/63\?"))


def test_no_key_walks_away_while_one_types_or_a_dialog_is_open(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    box = page.get_by_role("textbox", name="Try your own text")
    box.fill("")
    box.press_sequentially("jk/?")
    expect(box).to_have_value("jk/?")
    box.press("Escape")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys on this page")
    expect(keys.get_by_role("term").filter(has_text=re.compile("^[jk]$"))).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/feature/42\b"))
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"/feature/43\b"))


def test_the_arrow_keys_walk_the_tokens_of_an_open_example(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    example = page.get_by_role("button", name=re.compile("bridge")).first
    example.click()
    expect(example).to_have_attribute("aria-expanded", "true")
    text = page.get_by_role("group", name=re.compile("^Text around token"))
    told = page.get_by_role("status").filter(has_text="document")
    text.focus()
    page.keyboard.press("ArrowLeft")
    expect(told).to_contain_text(re.compile("“.+”: "))
    left = told.inner_text()
    page.keyboard.press("ArrowRight")
    expect(told).not_to_have_text(left)
    page.keyboard.press("Escape")
    expect(example).to_have_attribute("aria-expanded", "false")


def test_the_arrow_keys_walk_the_heat_map_and_enter_clamps(page: Page, address: str) -> None:
    opened(page, address, "/prompt?q=the+golden+gate")
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("gridcell").first).to_be_visible()
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(grid).to_have_attribute("aria-activedescendant", re.compile(r"-1-1$"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("clamped", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("clamp="))


def test_the_arrow_keys_choose_where_the_quick_search_goes(page: Page, address: str) -> None:
    opened(page, address, "/feature/3")
    page.keyboard.press("/")
    page.keyboard.type("bridge")
    offered = page.get_by_role("listbox", name="Where to go").get_by_role("option")
    expect(offered.nth(2)).to_be_visible()
    for place, key in ((1, "ArrowDown"), (2, "ArrowDown"), (1, "ArrowUp"), (2, "ArrowDown")):
        page.keyboard.press(key)
        expect(offered.nth(place)).to_have_attribute("aria-selected", "true")
    number = offered.nth(2).locator(".lead").inner_text()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/feature/{number}\b"))


def test_a_box_without_words_asks_nothing(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    box = page.get_by_role("textbox", name="Try your own text")
    said = page.get_by_role("status").filter(has_text="nothing is kept")
    box.fill("  \n ")
    expect(said).to_be_visible()
    box.fill("the old bridge")
    expect(said).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="of the maximum")).to_be_visible()
    page.get_by_role("button", name="clear").click()
    expect(said).to_be_visible()
    expect(page).not_to_have_url(re.compile("try="))
    assert len(asked) == 1


def test_a_text_that_is_too_long_for_the_model_says_so_and_a_shorter_one_is_read(
    page: Page, address: str, refusals: set[str]
) -> None:
    refusals.add("422")
    opened(page, address, "/feature/42")
    box = page.get_by_role("textbox", name="Try your own text")
    box.fill("the old bridge " * 100)
    expect(page.get_by_role("status").filter(has_text="longer than the 128")).to_be_visible()
    expect(page.get_by_role("heading", name="When it fires")).to_be_visible()
    box.fill("the old bridge")
    expect(page.get_by_text("longer than the 128")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="of the maximum")).to_be_visible()


def test_what_was_typed_stays_when_an_example_is_opened_at_once(page: Page, address: str) -> None:
    opened(page, address, "/feature/42")
    example = page.get_by_role("button", name=re.compile("bridge")).first
    expect(example).to_be_visible()
    box = page.get_by_role("textbox", name="Try your own text")
    box.fill("the old bridge")
    example.click()
    expect(example).to_have_attribute("aria-expanded", "true")
    expect(page).to_have_url(re.compile("try="))
    expect(box).to_have_value("the old bridge")


def test_what_was_typed_a_moment_ago_goes_along_where_one_clicks(page: Page, address: str) -> None:
    opened(page, address, "/prompt?as=chat&turn=user%3Athe+golden+gate")
    page.get_by_label("Turn 1", exact=True).fill("the old fox")
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.get_by_label("Text to read")).to_have_value("the old fox")
