"""A finished study on a tiny model behind the API, made once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.index import FeatureIndex
from monosema.models import LanguageModel
from monosema.sae import SAE
from pipeline.small_study import new_study
from server.mapped import add_maps
from server.served import client_of

TEMPLATE = "{% for message in messages %}<s>{{ message.role }}: {{ message.content }}</s>{% endfor %}"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = new_study(tmp_path_factory.mktemp("served") / "study")
    config = study.path / "model" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"chat_template": TEMPLATE}))
    pipeline.run(study)
    return study.path


@pytest.fixture(scope="session")
def index(finished: Path) -> FeatureIndex:
    return ms.open(finished).index()


@pytest.fixture(scope="session")
def model(finished: Path) -> LanguageModel:
    return ms.open(finished).model()


@pytest.fixture(scope="session")
def sae(finished: Path) -> SAE:
    return ms.open(finished).sae()


@pytest.fixture(scope="session")
def client(finished: Path) -> Iterator[TestClient]:
    with client_of(finished) as client:
        yield client


@pytest.fixture(scope="session")
def mapped(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it with a second SAE, maps and relations."""
    path = Path(shutil.copytree(finished, tmp_path_factory.mktemp("mapped") / "study"))
    add_maps(path)
    return path


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "study"))
