"""The study's folder: what is asked, what is stale and why, one writer at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from monosema.artifact import drafting
from monosema.errors import RefusedError, UsageError
from monosema.settings import asked, parse
from monosema.study import Study


@dataclass(frozen=True, kw_only=True)
class Example:
    k: int
    kind: Literal["topk", "l1"] = "topk"
    layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError("expected at least 1; try k = 32")


def asking(study: Study, question: dict[str, Any]) -> dict[str, Any]:
    """What `drafting` is told, but for what a question says otherwise."""
    usual = {"kind": "tokens", "asked": {"context": 256}, "parents": {}, "seed": 0, "old": study.old}
    return usual | question


def made(study: Study, name: str = "main", **question: object) -> None:
    with drafting(study.place("tokens", name), **asking(study, question)) as draft:
        (draft.path / "file").write_text(name)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "s", "seed = 0\n")


def test_create_refuses_to_overwrite(study: Study) -> None:
    with pytest.raises(RefusedError, match=r"study\.toml exists"):
        Study.create(study.path, "")


def test_a_folder_without_study_toml_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="monosema init"):
        Study(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        Study(tmp_path / "nowhere")


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("a = \n")
    with pytest.raises(UsageError, match="line 1"):
        Study(tmp_path)


def test_fresh_absent_unfinished_and_stale_are_told_apart(study: Study) -> None:
    want = {"context": 256}
    assert study.status("tokens", "main", want, {}).state == "absent"
    with (
        pytest.raises(RuntimeError),
        drafting(study.place("tokens", "main"), kind="tokens", asked=want, parents={}, seed=0, old=study.old),
    ):
        raise RuntimeError
    assert study.status("tokens", "main", want, {}).state == "unfinished"
    made(study)
    assert study.status("tokens", "main", want, {}).state == "fresh"
    stale = study.status("tokens", "main", {"context": 128}, {"model/main": "abc"})
    assert stale.state == "stale"
    assert stale.reason == "context was 256, now 128; model/main was remade"


def begun(study: Study, *, with_work: bool, **question: Any) -> None:
    """Leave a draft behind."""
    with (
        pytest.raises(RuntimeError),
        drafting(study.place("tokens", "main"), **asking(study, question)) as draft,
    ):
        if with_work:
            (draft.scratch / "checkpoint").write_text("half")
        raise RuntimeError


def test_what_an_unfinished_one_was_asked_otherwise_is_named(study: Study) -> None:
    begun(study, with_work=True, parents={"model/main": "abc"}, seed=3)
    want, parents = {"context": 256}, {"model/main": "abc"}
    same = study.status("tokens", "main", want, parents, seed=3)
    assert (same.state, same.changed) == ("unfinished", False)
    assert "goes on" in same.reason
    other = study.status("tokens", "main", {"context": 128}, {"model/main": "abd"}, seed=4)
    assert (other.state, other.changed) == ("unfinished", True)
    assert other.reason == (
        "stopped before its end, and asked otherwise now: "
        "context was 256, now 128; model/main was remade; seed was 3, now 4"
    )
    made(study)  # the seed of a finished one is its own
    assert study.status("tokens", "main", want, {}, seed=4).state == "fresh"


def test_a_draft_that_holds_nothing_yet_has_nothing_to_lose(study: Study) -> None:
    begun(study, with_work=False)
    status = study.status("tokens", "main", {"context": 128}, {}, seed=0)
    assert (status.state, status.changed) == ("unfinished", False)


def test_a_study_can_be_moved(study: Study, tmp_path: Path) -> None:
    made(study)
    shutil.move(study.path, tmp_path / "elsewhere")
    moved = Study(tmp_path / "elsewhere")
    assert moved.open("tokens", "main").key == "tokens/main"
    assert str(tmp_path) not in (moved.place("tokens", "main") / "manifest.json").read_text()


def test_a_second_writer_is_refused_and_told_who_holds_the_lock(study: Study) -> None:
    second = study.writing("run")
    with study.writing("run"), pytest.raises(RefusedError, match=f"pid {os.getpid()}"):
        second.__enter__()
    with study.writing("run") as news:
        assert news is None


def test_the_lock_of_a_dead_process_is_taken_over_aloud(study: Study) -> None:
    code = (
        "import os, sys; from monosema.study import Study\n"
        "with Study(sys.argv[1]).writing('run'): os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(study.path)], check=False)
    with study.writing("run") as news:
        assert news is not None
        assert news.startswith("took over the lock of pid")


def test_the_log_has_one_line_a_verb(study: Study) -> None:
    study.log("run", seconds=1.5)
    study.log("info")
    lines = [json.loads(line) for line in (study.path / "log.jsonl").read_text().splitlines()]
    assert [line["verb"] for line in lines] == ["run", "info"]


def test_what_is_made_stands_in_the_log_once_it_is_whole(study: Study) -> None:
    question: dict[str, Any] = {"asked": {"n": 1}, "parents": {}, "seed": 0}
    with pytest.raises(ZeroDivisionError), study.making("map", "map", "main", **question):
        _ = 1 / 0
    assert not (study.path / "log.jsonl").exists()
    with study.making("map", "map", "main", **question) as draft:
        (draft.path / "points").write_text("1 2")
    (line,) = map(json.loads, (study.path / "log.jsonl").read_text().splitlines())
    assert (line["verb"], line["made"]) == ("map", "map/main")
    assert study.status("map", "main", {"n": 1}, {}).state == "fresh"


def test_settings_are_parsed_and_asked_back() -> None:
    example = parse(Example, {"k": 3, "layers": [1, 2]}, "study.toml: saes.main")
    assert example == Example(k=3, layers=(1, 2))
    assert asked(example, leave_out=frozenset({"kind"})) == {"k": 3, "layers": [1, 2]}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"k": 3, "kindd": "l1"}, r'study.toml: saes.main.kindd is no setting \(did you mean "kind"\?\)'),
        ({"k": "many"}, r"study.toml: saes.main.k is 'many'; input should be a valid integer"),
        ({"k": 3, "kind": "l2"}, r"saes.main.kind is 'l2'; input should be 'topk' or 'l1'"),
        ({}, r"study.toml: saes.main.k is missing"),
        ({"k": 0}, r"expected at least 1; try k = 32"),
        (3, r"study.toml: saes.main is 3; expected a table"),
    ],
)
def test_a_wrong_setting_is_one_line_with_file_key_and_what_was_expected(table, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse(Example, table, "study.toml: saes.main")
    assert "\n" not in str(caught.value)
