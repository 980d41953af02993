"""A server that asks for a token, as a browser meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from browser.steps import PHONE, STUDY, findings, width
from monosema.server import Door, create_app
from server.served import running

TOKEN = "a-token-of-24-characters"


@pytest.fixture(scope="module")
def door() -> Door:
    return Door(TOKEN)


@pytest.fixture(scope="module")
def locked(study: Path, door: Door) -> Iterator[str]:
    with running(create_app([study], door=door)) as url:
        yield url


@pytest.fixture(autouse=True)
def unauthorized(refusals: set[str]) -> None:
    refusals.add("401")


@pytest.mark.parametrize("query", ["", "?token=", "?token=not-the-token-at-all", f"?token={TOKEN}"])
def test_without_a_link_of_the_server_its_door_stays_locked_and_says_what_opens_it(
    page: Page, locked: str, query: str
) -> None:
    page.goto(f"{locked}/{query}")
    expect(page.get_by_role("heading", name="This server is locked")).to_be_visible()
    expect(page.get_by_text("Open the link that monosema serve has printed")).to_be_visible()


def test_a_link_lets_its_browser_in_and_no_other(page: Page, locked: str, door: Door, stranger: Page) -> None:
    link = f"{locked}{door.link()}"
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("64 features of model")
    assert "token" not in page.url
    page.goto(f"{locked}/{STUDY}/feature/42")
    expect(page.get_by_role("heading", name="When it fires")).to_be_visible()
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="This server is locked")).to_be_visible()


def test_the_token_itself_lets_a_program_in(locked: str, page: Page) -> None:
    models = f"{locked}/v1/models"
    for token, status in ((TOKEN, 200), ("not-the-token-at-all", 401)):
        answer = page.request.get(models, headers={"Authorization": f"Bearer {token}"})
        assert answer.status == status


def test_a_page_that_is_locked_out_says_so_for_people(
    page: Page, context: BrowserContext, locked: str, door: Door
) -> None:
    page.goto(f"{locked}{door.link()}")
    page.goto(f"{locked}/{STUDY}/feature/42")
    expect(page.get_by_role("heading", name="When it fires")).to_be_visible()
    context.clear_cookies()
    page.goto(f"{locked}/{STUDY}/feature/7")
    expect(page.get_by_role("alert").first).to_contain_text(re.compile("asks for its token.*link", re.DOTALL))
    page.reload()
    expect(page.get_by_role("heading", name="This server is locked")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_the_locked_door_and_it_fits_a_phone(
    page: Page, locked: str, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.goto(locked)
    expect(page.get_by_role("heading", name="This server is locked")).to_be_visible()
    assert findings(page) == []
    assert width(page) == page.evaluate("window.innerWidth") == PHONE  # not a wide page made small
    light = scheme == "light"
    colour = page.evaluate("getComputedStyle(document.body).color")
    assert (colour == "rgb(0, 0, 0)") == light
