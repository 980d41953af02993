"""What decides whether the kernels in C++ are built again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from monosema.kernels import native

SCRIPT = Path(__file__).parents[2] / "native" / "build_native.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with libraries of its own that look as if they were built just now."""
    spec = importlib.util.spec_from_file_location("build_native", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OUT", tmp_path)
    for level in module._levels():
        module.library(level).write_bytes(b"built")
    (tmp_path / module.STAMP).write_text(module.sources_hash() + "\n")
    return module


def test_libraries_of_the_sources_as_they_are_stay(script: ModuleType) -> None:
    assert script.is_current()
    assert script.build() is False


def test_a_library_that_is_missing_or_of_other_sources_is_built_again(script: ModuleType) -> None:
    for level in script._levels():
        script.library(level).unlink()
        assert not script.is_current(), level
        script.library(level).write_bytes(b"built")
    (script.OUT / script.STAMP).write_text("other sources\n")
    assert not script.is_current()


def test_libraries_lie_where_the_package_looks_for_them(script: ModuleType) -> None:
    assert {script.library(level).name for level in script._levels()} == {
        native.file_name(level) for level in script._levels()
    }
