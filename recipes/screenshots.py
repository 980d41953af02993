"""Pictures of every page for the docs, from a real study in headless Chromium.

python recipes/screenshots.py STUDY SAE FEATURE CONCEPT

FEATURE is shown on its own page and on the map; CONCEPT, whose dose must have been searched, is the preset
of the chat. Compare is left out where the study has one SAE. Pictures go to docs/pages, which README shows.
"""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from monosema.pipeline import open_study
from monosema.server import create_app, listen, serve, url_of

OUT = Path(__file__).parents[1] / "docs" / "pages"
SIZE = {"width": 1280, "height": 860}
PROMPT = "The+most+famous+bridge+in+San+Francisco+is+the"
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]


def routes(feature: str, concept: str) -> dict[str, str]:
    """What is shown of each page."""
    return {
        "home": "",
        "feature": f"/feature/{feature}",
        "search": "/search?by=words&q=bridge",
        "map": f"/map?around={feature}",
        "prompt": f"/prompt?q={PROMPT}",
        "chat": f"/chat?edit={concept}%3A1&q=What+is+your+physical+form%3F&tokens=60",
        "runs": "/runs",
        "compare": "/compare",
    }


def take(page: Page, address: str, name: str) -> None:
    """One picture, once everything that was asked for has come."""
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    if name == "chat":
        page.get_by_role("button", name="replay").first.wait_for(timeout=120_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # what is drawn after the last answer
    page.screenshot(path=OUT / f"{name}.png")


def main() -> None:
    """Serve the study and take the pictures."""
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    study, sae, feature, concept = Path(sys.argv[1]), *sys.argv[2:]
    chromium = shutil.which("chromium") or sys.exit(
        "there is no Chromium; on Debian: apt-get install chromium"
    )
    OUT.mkdir(parents=True, exist_ok=True)
    end = threading.Event()
    with listen("127.0.0.1", 0) as listener, sync_playwright() as playwright:
        server = threading.Thread(
            target=serve, args=(create_app([study]), listener), kwargs={"stop": end.is_set}
        )
        server.start()
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            shown = routes(feature, concept)
            if len(open_study(study).sae_names) < 2:
                del shown["compare"]
            for name, route in shown.items():
                page = browser.new_context(viewport=SIZE, reduced_motion="reduce").new_page()
                page.set_default_timeout(60_000)
                take(page, f"{url_of(listener)}/#/{study.resolve().name}/{sae}{route}", name)
                print(f"docs/pages/{name}.png")
        finally:
            end.set()
            server.join()


if __name__ == "__main__":
    main()
