"""A finished study on a tiny model, made once; tests work on copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tiny
from monosema import pipeline
from monosema.study import Study

TOML = """\
seed = 3
[models.main]
source = "model"
tokens_per_batch = 512
[corpora.main]
sources = ["text.jsonl"]
context = 64
shares = [0.7, 0.1, 0.1, 0.1]
[saes.main]
hook = "resid_post.1"
d_sae = 64
k = 4
batch = 128
tokens = 4096
checkpoint_steps = 8
metrics_every = 4
"""


def new_study(folder: Path, toml: str = TOML) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    tiny.save_llama(folder / "model")
    tiny.save_text(folder / "text.jsonl")
    return Study.create(folder, toml)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = new_study(tmp_path_factory.mktemp("finished") / "study")
    pipeline.run(study)
    return study.path


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))
