"""An index over further corpora, by study.toml: segments that are there already are taken over."""

from __future__ import annotations

from pathlib import Path

import pytest

import monosema as ms
from monosema import pipeline
from monosema.errors import RefusedError, UsageError
from pipeline.small_study import TOML, new_study

OTHER = """\
[corpora.other]
sources = ["other.txt"]
context = 64
concepts = "concepts"
shares = [1, 0, 0, 0]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    made = new_study(tmp_path / "study", TOML + OTHER)
    (made.path / "other.txt").write_text("The grey fox sleeps under the golden gate. " * 60)
    pipeline.run(made, goal="index")
    return made.path


def test_a_corpus_more_adds_its_segments_and_runs_nothing_again(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ms.open(study)
    alone, segment = before.index(), study / "index" / "main" / "segments" / "00000.safetensors"
    inode, count = segment.stat().st_ino, alone.table["count"].copy()
    documents = before.tokens().n_documents
    toml = (study / "study.toml").read_text()
    (study / "study.toml").write_text(toml.replace("[saes.main]\n", '[saes.main]\nindexed = ["other"]\n'))
    opened = pipeline.open_study(study)
    with pytest.raises(RefusedError, match="index/main is stale"):
        pipeline.run(opened, goal="index")
    assert pipeline.run(opened, goal="index", remake=True) == ["index/main"]
    both = ms.open(study).index()
    assert segment.stat().st_ino == inode
    assert both.tokens.n_documents > documents
    assert both.positions > alone.positions
    assert (both.table["count"] >= count).all()
    seen = {context.document for feature in range(both.d_sae) for context in both.top(feature, 20)}
    assert max(seen) >= documents
    assert pipeline.run(opened, goal="index") == []


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_segment_of_the_earlier_index_is_not_taken_over(study: Path, damage: str) -> None:
    segment = study / "index" / "main" / "segments" / "00000.safetensors"
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1])) if damage == "changed" else segment.unlink()
    toml = (study / "study.toml").read_text()
    (study / "study.toml").write_text(toml.replace("[saes.main]\n", '[saes.main]\nindexed = ["other"]\n'))
    assert "index/main" in pipeline.run(pipeline.open_study(study), goal="index", remake=True)
    assert segment.read_bytes() == whole


def test_an_unknown_corpus_is_named(study: Path) -> None:
    toml = (study / "study.toml").read_text()
    (study / "study.toml").write_text(toml.replace("[saes.main]\n", '[saes.main]\nindexed = ["othr"]\n'))
    with pytest.raises(UsageError, match='did you mean "other"'):
        pipeline.run(pipeline.open_study(study))
