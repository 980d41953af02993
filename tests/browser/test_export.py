"""The same pages from a plain static host, below a folder."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("host")
    command = [sys.executable, "-m", "monosema", "export", str(study)]
    (root / "deep").mkdir()
    subprocess.run([*command, str(root / "deep" / "site")], check=True, capture_output=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/deep/site"
        server.shutdown()
        thread.join()


def test_a_deep_link_opens_a_feature_with_its_examples(page: Page, site: str) -> None:
    page.goto(f"{site}/#/study/main/feature/42")
    expect(page.get_by_role("heading", level=3, name="Strongest")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("bridge")).first).to_be_visible()


def test_words_are_searched_without_a_server(page: Page, site: str) -> None:
    page.goto(f"{site}/#/study/main/search?by=words&q=bridge")
    expect(page.get_by_role("link", name=re.compile("tokens 'bridge'")).first).to_be_visible()


def test_what_needs_the_model_says_so(page: Page, site: str) -> None:
    page.goto(f"{site}/#/study/main/prompt?q=the")
    expect(page.get_by_role("main")).to_contain_text("monosema serve")
