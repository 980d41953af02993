"""A real server on the small study, and a real browser before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from monosema.interventions import Dose
from monosema.server import create_app, pages
from server.conftest import finished, mapped
from server.served import keep_dose, running

__all__ = ["finished", "mapped"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
FLAGS = ["--disable-gpu", "--enable-unsafe-swiftshader", "--no-sandbox"]
PATIENCE = 20_000
"""Milliseconds that anything may take: a busy machine is no failure."""
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; on Debian: apt-get install chromium")
    if not (pages.WEB / "index.html").is_file():
        pytest.skip("the pages are not built; build them with: make web")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def study(mapped: Path) -> Path:
    """The study with everything that pages can show: a second SAE, maps, relations, a dose."""
    keep_dose(
        mapped, "golden_gate", Dose(features=(3, 5), maxima=(4.0, 2.0), weights=(1.0, 0.5), multiple=2.0)
    )
    return mapped


@pytest.fixture(scope="session")
def address(study: Path) -> Iterator[str]:
    with running(create_app([study])) as url:
        yield url


@contextmanager
def window(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of its own for each test, so that no test finds what another one kept."""
    with window(browser) as context:
        yield context


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page in the window of somebody else, who knows nothing but a link."""
    with window(browser) as context:
        yield context.new_page()


@pytest.fixture
def refusals() -> set[str]:
    """Statuses that are no fault: that there are no relations of a feature, say. A test may add to them."""
    return {"404"}


def is_fault(told: ConsoleMessage, refusals: set[str]) -> bool:
    """Whether the console tells of a fault."""
    return told.type == "error" and not any(f"status of {status}" in told.text for status in refusals)


@pytest.fixture
def page(context: BrowserContext, refusals: set[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that must say nothing on its console and break nothing; its picture is kept where one is asked for."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 500 else None)
    page.on("console", lambda told: wrong.append(told.text) if is_fault(told, refusals) else None)
    yield page
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{request.node.name}.png", full_page=True)
    assert wrong == []
