"""The page about kinds names every kind and every setting of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from monosema.sae import KINDS
from monosema.training.objectives import OBJECTIVES

PAGE = (Path(__file__).parents[2] / "docs" / "kinds.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(KINDS))
def test_a_kind_has_a_row_with_its_settings_and_an_objective(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    for field in fields(KINDS[name]):
        assert f"`{field.name}`" in row, field.name
    assert name in OBJECTIVES
