"""An index whose features were planted, for what is found without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.planted import PlantedIndex


@pytest.fixture
def planted(tmp_path: Path) -> PlantedIndex:
    """Features 0: dead; 1: everywhere, weak; 2: one token; 3: half inside a tag; 4: three times, strong."""
    documents = [["a", "b", "c", "d"] * 5] * 4
    acts = np.zeros((80, 5))
    acts[:, 1] = 0.5
    acts[2::4, 2] = np.linspace(1, 2, 20)
    acts[:20, 3] = 3.0
    acts[[7, 40, 41], 4] = [9.0, 1.0, 5.0]
    inside = np.zeros(80, dtype=bool)
    inside[10:30] = True
    return PlantedIndex(tmp_path / "i", documents, acts, inside={"half": inside})
