"""What was damaged after it was made is named, and made again alone, to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monosema import pipeline
from monosema.errors import DamagedError
from monosema.study import Study
from pipeline.test_run import hashes

HARMED = (
    "activations/main.main.resid_post.1/00000.safetensors",
    "activations/main.main.resid_post.1/00000.json",
    "activations/main.main.resid_post.1/stats.safetensors",
    "activations/main.main.resid_post.1/store.json",
    "tokens/main.main/ids.bin",
    "sae/main/sae.safetensors",
    "evaluation/main/evaluation.json",
    "index/main/features.parquet",
    "index/main/segments/00000.*",
)


def edited(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *((name, edited) for name in HARMED),
        (HARMED[0], cut),
        (HARMED[0], Path.unlink),
        (HARMED[2], Path.unlink),
    ],
)
def test_a_damaged_file_is_made_again_alone_with_the_same_bytes(
    study: Path, finished: Path, name: str, harm: Callable[[Path], None]
) -> None:
    harm(next(study.glob(name)))
    kind, artifact, _ = name.split("/", 2)
    assert pipeline.run(Study(study), remake=True) == [f"{kind}/{artifact}"]
    assert hashes(study) == hashes(finished)
    assert pipeline.run(Study(study), remake=True) == []


def test_a_damaged_shard_is_named_with_the_command_that_makes_it_again(study: Path) -> None:
    edited(study / HARMED[0])
    message = rf"00000\.safetensors was changed .* monosema run {study} --remake"
    with pytest.raises(DamagedError, match=message):
        Study(study).open("activations", "main.main.resid_post.1")


def test_without_remake_nothing_is_touched_and_with_it_the_damaged_file_is_kept_aside(study: Path) -> None:
    edited(study / HARMED[0])
    harmed = (study / HARMED[0]).read_bytes()
    assert pipeline.run(Study(study)) == []
    pipeline.run(Study(study), remake=True)
    kept = {path.name: path.read_bytes() for path in (study / "old").iterdir()}
    place = "main.main.resid_post.1-00000"
    assert set(kept) == {f"{place}.json-1", f"{place}.safetensors-1"}  # a shard and its record
    assert kept[f"{place}.safetensors-1"] == harmed


def test_an_edited_manifest_is_named(study: Path) -> None:
    manifest = study / "sae" / "main" / "manifest.json"
    raw = json.loads(manifest.read_text())
    raw["files"].pop("sae.json")
    manifest.write_text(json.dumps(raw))
    with pytest.raises(DamagedError, match=r"manifest\.json was edited"):
        Study(study).open("sae", "main")
