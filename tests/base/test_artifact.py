"""Artifacts are whole or absent, checked, resumable, and never deleted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monosema import artifact
from monosema.artifact import Artifact, Draft, content_hash, drafting
from monosema.errors import DamagedError
from monosema.files import atomic_file


def make(path: Path, content: bytes = b"data", **changes: object) -> Artifact:
    question = {"kind": "thing", "asked": {"k": 1}, "parents": {}, "seed": 0, "old": path.parent / "old"}
    with drafting(path, **(question | changes)) as draft:
        (draft.path / "data.bin").write_bytes(content)
        (draft.logs / "rates.jsonl").write_text("{}")
        draft.measured["figure"] = 1.5
    return Artifact.open(path, kind="thing")


def test_an_artifact_is_read_back_with_its_figures_and_question(tmp_path: Path) -> None:
    artifact = make(tmp_path / "main")
    assert artifact.manifest.measured == {"figure": 1.5}
    assert artifact.manifest.asked == {"k": 1}
    assert artifact.key == "thing/main"


def test_the_content_hash_ignores_logs_and_figures_but_not_data_or_settings(tmp_path: Path) -> None:
    first = make(tmp_path / "a")
    with drafting(
        tmp_path / "b", kind="thing", asked={"k": 1}, parents={}, seed=0, old=tmp_path / "old"
    ) as draft:
        (draft.path / "data.bin").write_bytes(b"data")
        (draft.logs / "rates.jsonl").write_text("other times")
    assert Artifact.open(tmp_path / "b").hash == first.hash
    assert make(tmp_path / "c", b"tada").hash != first.hash
    assert make(tmp_path / "d", asked={"k": 2}).hash != first.hash


def test_an_error_leaves_a_draft_that_the_same_question_goes_on_with(tmp_path: Path) -> None:
    place = tmp_path / "main"
    question = {"kind": "thing", "asked": {}, "parents": {}, "seed": 0, "old": tmp_path / "old"}

    def begin(fail: bool) -> Draft:
        with drafting(place, **question) as draft:
            (draft.scratch / "checkpoint").write_text("half")
            (draft.path / f"part-{draft.resumed}").write_text("x")
            if fail:
                raise RuntimeError("stopped")
        return draft

    with pytest.raises(RuntimeError, match="stopped"):
        begin(fail=True)
    assert not place.exists()
    assert begin(fail=False).resumed
    assert set(Artifact.open(place).manifest.files) == {"part-False", "part-True"}
    assert not (place / "scratch").exists()


def test_a_draft_of_another_question_is_put_away(tmp_path: Path) -> None:
    place, old = tmp_path / "main", tmp_path / "old"
    with (
        pytest.raises(RuntimeError),
        drafting(place, kind="thing", asked={"k": 1}, parents={}, seed=0, old=old) as draft,
    ):
        (draft.path / "kept").write_text("x")
        raise RuntimeError
    with drafting(place, kind="thing", asked={"k": 2}, parents={}, seed=0, old=old) as draft:
        assert not draft.resumed
    assert [path.name for path in old.rglob("kept")] == ["kept"]


def test_remaking_moves_the_old_one_to_old(tmp_path: Path) -> None:
    make(tmp_path / "main", b"one")
    make(tmp_path / "main", b"two", asked={"k": 2})
    make(tmp_path / "main", b"three", asked={"k": 3})
    kept = sorted(path.read_bytes() for path in (tmp_path / "old").rglob("data.bin"))
    assert kept == [b"one", b"two"]
    assert (tmp_path / "main" / "data.bin").read_bytes() == b"three"


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda file: file.write_bytes(b"dat"), "data.bin has 3 bytes, its manifest says 4"),
        (lambda file: file.write_bytes(b"dota"), "data.bin was changed after it was made"),
        (lambda file: file.unlink(), "data.bin is missing"),
    ],
)
def test_a_truncated_edited_or_missing_file_is_named(tmp_path: Path, harm, message: str) -> None:
    make(tmp_path / "main")
    harm(tmp_path / "main" / "data.bin")
    with pytest.raises(DamagedError, match=message):
        Artifact.open(tmp_path / "main")


def edit_manifest(path: Path, **changes: object) -> None:
    file = path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_of_a_large_artifact_only_sizes_are_checked_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "main").path
    (path / "data.bin").write_bytes(b"tada")
    with pytest.raises(DamagedError, match="was changed"):
        Artifact.open(path)
    monkeypatch.setattr(artifact, "CHECKED_WHOLE", 0)
    opened = Artifact.open(path)
    with pytest.raises(DamagedError, match="was changed"):
        opened.verify()
    (path / "data.bin").write_bytes(b"cut")
    with pytest.raises(DamagedError, match="its manifest says 4"):
        Artifact.open(path)


def test_an_edited_manifest_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "main")
    edit_manifest(tmp_path / "main", asked={"k": 9})
    with pytest.raises(DamagedError, match="was edited"):
        Artifact.open(tmp_path / "main")


def test_a_manifest_that_names_a_file_outside_its_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "main")
    (tmp_path / "secret").write_bytes(b"s")
    edit_manifest(tmp_path / "main", files={"../secret": {"bytes": 1, "blake2": "0"}})
    with pytest.raises(DamagedError, match="outside its folder"):
        Artifact.open(tmp_path / "main")


def test_a_manifest_of_a_later_schema_says_upgrade(tmp_path: Path) -> None:
    make(tmp_path / "main")
    edit_manifest(tmp_path / "main", schema=99)
    with pytest.raises(DamagedError, match="schema 99; expected 1: upgrade"):
        Artifact.open(tmp_path / "main")


def test_a_manifest_that_is_no_json_is_named(tmp_path: Path) -> None:
    make(tmp_path / "main")
    (tmp_path / "main" / "manifest.json").write_text("{")
    with pytest.raises(DamagedError, match=r"manifest\.json is no readable JSON"):
        Artifact.open(tmp_path / "main")


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    with pytest.raises(RuntimeError), atomic_file(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_after_sigkill_a_file_is_old_or_new_never_half(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from monosema.files import atomic_file\n"
        "path = Path(sys.argv[1]); n = 0\n"
        "while True:\n"
        "    with atomic_file(path) as t: t.write_bytes(bytes([n % 256]) * 300_000)\n"
        "    n += 1; print(n, flush=True)\n"
    )
    file = tmp_path / "file"
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    content = file.read_bytes()
    assert len(content) == 300_000
    assert len(set(content)) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(min_size=1), json_values), st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_content_hash_does_not_depend_on_the_order_of_keys(asked: dict, random) -> None:
    items = list(asked.items())
    random.shuffle(items)
    assert content_hash({}, asked) == content_hash({}, dict(items))


GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_first_manifest_ever_saved_is_still_read() -> None:
    artifact = Artifact.open(GOLDEN / "artifact_v1" / "main", kind="thing")
    assert artifact.manifest.measured == {"figure": 1.5}
