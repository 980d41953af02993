"""Build hook: the pages of the browser are built into wheels and source archives.

A wheel needs no Node where it is installed, and neither does one that is built from a source archive, which brings the
built pages. Editable installs are left alone: `make` builds the pages there, where one sees what goes wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "web"))
import build_pages


class PagesHook(BuildHookInterface[Any]):
    """Hatchling's name for it is `custom`."""

    def dependencies(self) -> list[str]:
        """Node, where pages must be built and this machine has none."""
        if build_pages.is_current() or build_pages.find_node() is not None:
            return []
        return [build_pages.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages and add them, which git ignores, to what is packed.

        Raises:
            RuntimeError: They could not be built: a wheel without them would be no whole Monosema.
        """
        if version == "editable":
            return
        try:
            build_pages.build()
        except build_pages.NotBuiltError as error:
            raise RuntimeError(f"the pages of the browser could not be built: {error}") from error
        build_data["artifacts"].append("/src/monosema/server/web/")
