"""Build hook: the pages of the browser are built into wheels and source archives, the kernels in C++ into wheels.

A wheel needs no Node where it is installed, and neither does one that is built from a source archive, which brings the
built pages. Kernels make a wheel one of its platform; without a compiler it is one of pure Python, which works the
same, slower. Editable installs are left alone: `make` builds both there, where one sees what goes wrong.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path[:0] = [str(Path(__file__).resolve().parent / folder) for folder in ("web", "native")]
import build_native  # noqa: E402
import build_pages  # noqa: E402


class Hook(BuildHookInterface[Any]):
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
        if self.target_name == "wheel":
            self._add_kernels(build_data)

    def _add_kernels(self, build_data: dict[str, Any]) -> None:
        """Build the libraries and name the platform; they know no version of Python or torch."""
        try:
            build_native.build()
        except build_native.NotBuiltError as error:
            self.app.display_warning(f"a wheel without kernels in C++: {error}")
            return
        build_data["artifacts"].append("/src/monosema/kernels/built/")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
