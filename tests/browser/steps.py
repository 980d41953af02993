"""What the tests of pages share: where the study stands, how a page is opened, what axe and a phone say of it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

STUDY = "#/study/main"
PHONE = 390
"""Pixels."""
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def opened(page: Page, address: str, route: str = "") -> Page:
    """A page of the study once it has its heading."""
    page.goto(f"{address}/{STUDY}{route}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def findings(page: Page) -> list[tuple[str, str]]:
    """What axe finds that is serious, with the first element of each."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], one["nodes"][0]["html"]) for one in bad]


def width(page: Page) -> int:
    """How wide the page is, what is scrolled sideways counted in."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def numbers(page: Page) -> Locator:
    """The numbers of the features that a search lists, in its order."""
    return page.locator("main ol a > .num:first-child")
