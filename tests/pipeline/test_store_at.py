"""A study whose activations lie at a URL: everything made from them has the bytes of one that keeps them itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from monosema import pipeline
from monosema.errors import DamagedError, Interrupted, UsageError
from monosema.study import Study
from pipeline.small_study import TOML
from pipeline.test_run import StopAt, hashes
from pipeline.test_together import planned

HOOK = "resid_post.1"
NAME = f"main.main.{HOOK}"
URL = "memory://bucket/acts"
AT = f'store_at = "{URL}"\n'


@pytest.fixture(autouse=True)
def memory() -> Iterator[dict[str, object]]:
    """The files of memory://, none at first."""
    MemoryFileSystem.store.clear()
    yield MemoryFileSystem.store
    MemoryFileSystem.store.clear()


def shard(memory: dict[str, object], name: str) -> str:
    (found,) = (path for path in memory if path.endswith(name))
    return found


def made_from_activations(study: Path) -> dict[str, str]:
    return {
        file: one
        for file, one in hashes(study).items()
        if file.split("/")[0] in ("sae", "index", "evaluation")
    }


def test_a_study_at_a_url_makes_what_one_with_its_own_store_makes(
    finished: Path, tmp_path: Path, memory: dict[str, object]
) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT)
    pipeline.run(study)
    assert made_from_activations(study.path) == made_from_activations(finished)
    folder = study.place("activations", NAME)
    kept = {"manifest.json", "choice.json", "store.json", "stats.json", "stats.safetensors"}
    assert {path.name for path in folder.iterdir()} == kept
    here = {path.name: path.read_bytes() for path in (finished / "activations" / NAME).iterdir()}
    there = {path.rpartition("/")[2]: MemoryFileSystem().cat_file(path) for path in memory}
    assert there == {name: data for name, data in here.items() if name[:5] in ("00000", "store")}
    assert pipeline.run(study, remake=True) == []
    opened = pipeline.open_study(study.path)
    opened.activations().verify()
    assert json.loads((folder / "manifest.json").read_text())["asked"]["store_at"] == URL


def test_a_run_that_is_stopped_goes_on_from_what_lies_at_the_url(
    finished: Path, tmp_path: Path, memory: dict[str, object]
) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT)
    stop = StopAt(3)
    with pytest.raises(Interrupted):
        pipeline.run(study, goal="activations", reporter=stop, stop=stop)
    pipeline.run(study, goal="sae")
    assert hashes(study.path / "sae") == hashes(finished / "sae")


def test_a_damaged_shard_at_the_url_is_made_again_alone(
    finished: Path, tmp_path: Path, memory: dict[str, object]
) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT)
    pipeline.run(study, goal="sae")
    path, before = shard(memory, "00000.safetensors"), hashes(study.path)
    whole = MemoryFileSystem().cat_file(path)
    MemoryFileSystem().pipe_file(path, whole[:-3])
    with pytest.raises(
        DamagedError, match=rf"{URL}/{HOOK}-[0-9a-f]+/00000\.safetensors has \d+ bytes.*--remake"
    ):
        pipeline.open_study(study.path).activations()
    assert pipeline.run(study, goal="sae", remake=True) == [f"activations/{NAME}"]
    assert MemoryFileSystem().cat_file(path) == whole
    assert hashes(study.path) == before
    assert pipeline.run(study, goal="sae", remake=True) == []


def test_another_url_makes_the_activations_stale(finished: Path, tmp_path: Path) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT)
    pipeline.run(study, goal="activations")
    (study.path / "study.toml").write_text(TOML + AT.replace("acts", "other"))
    states = {state["artifact"]: state for state in pipeline.states(Study(study.path))}
    assert f"store_at was '{URL}', now 'memory://bucket/other'" in states[f"activations/{NAME}"]["reason"]


def test_an_int8_store_may_lie_at_a_url(finished: Path, tmp_path: Path) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT + 'store = "int8"\n')
    pipeline.run(study, goal="activations")
    assert pipeline.open_study(study.path).activations().lossy == "int8"


def test_without_a_driver_the_study_says_so_before_the_model_is_loaded(
    finished: Path, tmp_path: Path
) -> None:
    study = planned(tmp_path / "s", finished, TOML + AT.replace("memory", "memry"))
    with pytest.raises(
        UsageError, match=r"memry://bucket/acts cannot be opened .* \(did you mean \"memory\"\?\)"
    ):
        pipeline.run(study, goal="activations")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (AT + "store = false\n", r"saes\.main: store_at says where .* store = false that they are not"),
        (
            'store_at = "folder/acts"\n',
            r"saes\.main: store_at is 'folder/acts'; expected a URL such as s3://",
        ),
        ("store_at = 3\n", r"saes\.main\.store_at is 3; input should be a valid string"),
        (
            f'{AT}[saes.other]\nhook = "{HOOK}"\nstore_at = "s3://b/x"\n',
            rf"saes\.other\.store_at is 's3://b/x'; another SAE keeps the same activations at '{URL}'",
        ),
    ],
)
def test_a_wrong_place_is_one_line(tmp_path: Path, more: str, said: str) -> None:
    (tmp_path / "study.toml").write_text(TOML + more)
    with pytest.raises(UsageError, match=said):
        pipeline.open_study(tmp_path)


def test_saes_of_one_hook_point_share_the_place_that_one_names(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(f'{TOML}[saes.other]\nhook = "{HOOK}"\n{AT}')
    asked = pipeline.open_study(tmp_path)._work.asked
    assert (asked.store_at(NAME), asked.store_wish(NAME)) == (URL, True)
