"""How soon pages are there, in headless Chromium: the part of `benchmarks.serve` that needs a browser."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import serving
from monosema.artifact import drafting
from monosema.index.points import FeatureMap
from monosema.pipeline import OpenStudy

POINTS = 1_000_000
FRAMES_FOR = 3.0


def in_a_browser(study: OpenStudy, sae: str) -> dict[str, float]:
    """Home's first paint and script, and the map of a million points."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return {}
    figures: dict[str, float] = {}
    flags = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        wide = planted_map(study, sae, Path(name) / "million")
        with serving(study.path, wide) as (url, _):
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            browser.new_page().goto(f"{url}/healthz")  # the browser itself starts
            for name_of in ("first_paint_cold_s", "first_paint_s"):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                start = time.perf_counter()
                page.goto(f"{url}/#/{study.name}/{sae}", wait_until="commit")
                page.locator("main tbody tr").first.wait_for()
                figures[name_of] = time.perf_counter() - start
                page.locator("main ul a[href*='/feature/']").first.wait_for()
                figures["first_features_s"] = time.perf_counter() - start
            entries = "performance.getEntriesByType('resource')"
            sizes = f"{entries}.filter(e => e.name.endsWith('.js')).map(e => e.encodedBodySize)"
            figures["script_kb"] = sum(page.evaluate(sizes)) / 1024
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            start = time.perf_counter()
            page.goto(f"{url}/#/million/{sae}/map", wait_until="commit")
            page.locator("main canvas").first.wait_for()
            page.get_by_text("1,000,000").first.wait_for()
            figures["map_load_s"] = time.perf_counter() - start
            figures["map_frames"] = frames_a_second(page)
            browser.close()
    return figures


def frames_a_second(page: Any) -> float:
    """Frames that the browser draws while the map is dragged about."""
    box = page.locator("main canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate("() => { window.drawn = 0; (function f() { window.drawn++; requestAnimationFrame(f) })() }")
    page.mouse.move(x, y)
    page.mouse.down()
    start, step = time.perf_counter(), 0
    before = page.evaluate("window.drawn")
    while time.perf_counter() - start < FRAMES_FOR:
        step += 1
        page.mouse.move(x + 100 * np.sin(step / 5), y + 60 * np.cos(step / 5))
    frames = page.evaluate("window.drawn") - before
    page.mouse.up()
    return float(frames / (time.perf_counter() - start))


def planted_map(study: OpenStudy, sae: str, folder: Path) -> Path:
    """A study of the same SAE with a map of a million points, in clouds."""
    folder.mkdir()
    for name in ("study.toml", "sae", "tokens", "plan"):
        (folder / name).symlink_to((study.path / name).resolve())
    rng = np.random.default_rng(0)
    cluster = rng.integers(-1, 200, POINTS)
    centres = rng.normal(size=(201, 2)) * 10
    points = FeatureMap(
        saes=(sae,),
        starts=(0,),
        xy=(centres[cluster + 1] + rng.normal(size=(POINTS, 2))).astype(np.float32),
        cluster=cluster,
        central=rng.random(POINTS).astype(np.float32),
        neighbours=rng.integers(0, POINTS, (POINTS, 10)),
        cosines=rng.random((POINTS, 10)).astype(np.float32),
        figures={
            "quality": dict.fromkeys(("kept", "kept_wide", "random", "random_wide"), 0.0),
            "chance": {"high": 0.2},
            "clusters": 200,
            "largest_cluster": int(np.bincount(cluster + 1).max()),
            "clustered_share": 0.99,
        },
    )
    parents = {f"sae/{sae}": study.open("sae", sae, verify=False).hash}
    (folder / "map").mkdir()
    with drafting(
        folder / "map" / sae, kind="map", asked={}, parents=parents, seed=0, old=folder / "old"
    ) as draft:
        points.write(draft.path, ())
    return folder
