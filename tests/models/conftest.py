from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from models import families
from monosema.models import LanguageModel

Folder = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Folder of a family's tiny model, made on first use."""
    base = tmp_path_factory.mktemp("families")
    return cache(lambda name: families.save(base / name, name))


@pytest.fixture(scope="session")
def load(folder: Folder) -> Callable[[str, str], LanguageModel]:
    """A family's tiny model, loaded on first use."""
    return cache(lambda name, dtype: LanguageModel.load(str(folder(name)), dtype=dtype, device="cpu"))
