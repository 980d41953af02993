"""A finished study on a tiny model, made once; tests work on copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from monosema import pipeline
from pipeline.small_study import new_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = new_study(tmp_path_factory.mktemp("finished") / "study")
    pipeline.run(study)
    return study.path


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))
