"""The lasso on the map, and what can be done with the features in it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import BrowserContext, Locator, Page, expect

from browser.steps import opened
from monosema.index.points import FeatureMap

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of the picture."""


def draw(page: Page, box: Box) -> None:
    """Draw a rectangle on the map, the pointer held down."""
    frame = page.get_by_role("application").bounding_box()
    assert frame is not None
    left, right = (frame["x"] + frame["width"] * share for share in (box[0], box[2]))
    top, bottom = (frame["y"] + frame["height"] * share for share in (box[1], box[3]))
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def inside(page: Page, study: Path) -> list[str]:
    """The features in the rectangle that the address tells, by the map's own file."""
    loop = parse_qs(urlsplit(urlsplit(page.url).fragment).query)["lasso"][0]
    corners = np.array(loop.split("_"), dtype=float).reshape(-1, 2)
    xy = FeatureMap.read(study / "map" / "main").xy
    within = np.all((xy >= corners.min(0)) & (xy <= corners.max(0)), axis=1)
    return [str(number) for number in np.flatnonzero(within)]


def rows(listed: Locator) -> Locator:
    return listed.get_by_role("listitem").locator("a > .num:first-child")


def test_a_loop_gathers_the_features_inside_it(page: Page, address: str, study: Path) -> None:
    opened(page, address, "/map")
    lasso = page.get_by_role("button", name="Draw a loop round features")
    lasso.click()
    expect(lasso).to_have_attribute("aria-pressed", "true")
    draw(page, (0.02, 0.02, 0.5, 0.98))
    listed = page.get_by_role("region", name="In the loop")
    expect(listed).to_be_visible()
    expect(lasso).to_have_attribute("aria-pressed", "false")
    members = inside(page, study)
    assert 0 < len(members) < 64
    expect(listed.get_by_role("status")).to_have_text(re.compile(rf"^{len(members)} features?$"))
    while (more := listed.get_by_role("button", name=re.compile(r"^\d+ more$"))).count():
        more.click()
    expect(rows(listed)).to_have_text(members)


def test_the_list_of_a_loop_is_copied_kept_by_its_link_and_leads_to_its_features(
    page: Page, context: BrowserContext, address: str, study: Path, stranger: Page
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, address, "/map")
    expect(page.get_by_role("button", name="Draw a loop round features")).to_be_visible()
    page.keyboard.down("Shift")
    draw(page, (0.02, 0.02, 0.98, 0.98))
    page.keyboard.up("Shift")
    listed = page.get_by_role("region", name="In the loop")
    listed.get_by_role("button", name="Copy numbers").click()
    expect(listed.get_by_role("button", name="Copied")).to_be_visible()
    members = inside(page, study)
    assert page.evaluate("navigator.clipboard.readText()") == " ".join(members)
    listed.get_by_role("button", name="Copy link").click()
    expect(listed.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url

    stranger.goto(link)
    found = stranger.get_by_role("region", name="In the loop")
    expect(found.get_by_role("status")).to_have_text(f"{len(members)} features")
    found.get_by_role("listitem").nth(2).get_by_role("link").click()
    expect(stranger.get_by_role("region", name="Chosen feature")).to_contain_text(members[2])
    expect(found).to_be_visible()
    found.get_by_role("button", name="clear").click()
    expect(found).to_have_count(0)
    expect(stranger).not_to_have_url(re.compile("lasso"))


def test_a_loop_round_nothing_says_so(page: Page, address: str) -> None:
    opened(page, address, "/map?lasso=9000_9000_9001_9000_9001_9001")
    expect(page.get_by_role("region", name="In the loop")).to_contain_text("No feature lies in it.")


def test_the_keys_choose_look_around_and_come_back(page: Page, address: str) -> None:
    opened(page, address, "/map")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("region", name="Chosen feature")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", level=1, name=re.compile(r"^Around \d+$"))).to_be_visible()
    expect(page.get_by_role("region", name=re.compile(r"^Around feature \d+$"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Chosen feature")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Chosen feature")).to_have_count(0)
    page.keyboard.press("l")
    lasso = page.get_by_role("button", name="Draw a loop round features")
    expect(lasso).to_have_attribute("aria-pressed", "true")
