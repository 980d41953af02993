"""What people say of features: kept beside the study, shown before what rules say, never lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import monosema as ms
from monosema import pipeline
from monosema.cli import find, show
from monosema.cli.note import note
from monosema.errors import DamagedError, UsageError
from monosema.files import read_json, write_json
from monosema.index import Words, read_names, search_words, write_words
from monosema.pipeline.notes import LONGEST_NAME, LONGEST_TEXT, Note, find_by_words, read_notes
from pipeline.test_cli import monosema


@pytest.fixture
def place(study: Path) -> Path:
    return study / "notes" / "main.json"


def test_a_name_and_a_note_are_kept_each_alone_and_taken_away_by_an_empty_text(
    study: Path, place: Path
) -> None:
    opened = ms.open(study)
    assert pipeline.note(opened, 5) == Note()
    assert not place.exists()
    assert pipeline.note(opened, 5, name="  the\n bridge ") == Note(name="the bridge")
    assert pipeline.note(opened, 5, text="Fires in fog.\r\nNot at sea.\n") == Note(
        name="the bridge", text="Fires in fog.\nNot at sea."
    )
    pipeline.note(opened, 3, text="odd")
    assert pipeline.notes_of(ms.open(study)) == {
        3: Note(text="odd"),
        5: Note(name="the bridge", text="Fires in fog.\nNot at sea."),
    }
    pipeline.note(opened, 5, name="", text="")
    assert pipeline.notes_of(opened) == {3: Note(text="odd")}
    pipeline.note(opened, 3, text=" ")
    assert read_json(place) == {"schema": 1, "of": {}}


def test_a_name_by_a_person_stands_before_the_one_by_rule(study: Path) -> None:
    opened = ms.open(study)
    pipeline.note(opened, 5, name="the bridge")
    pipeline.note(opened, 6, text="a note is no name")
    names, by_rule = pipeline.names_of(opened), read_names(study / "index" / "main")
    assert (names[5].text, names[5].by, names[5].confidence) == ("the bridge", "a person", 1.0)
    assert names.by_rule(5) == by_rule[5]
    assert [names[one] for one in (4, 6)] == [by_rule[one] for one in (4, 6)]
    assert len(names) == len(by_rule)
    for number in (-1, 64):
        with pytest.raises(IndexError):
            names[number]


def test_notes_of_an_earlier_sae_are_not_shown_for_the_present_one_and_not_lost(
    study: Path, place: Path
) -> None:
    opened = ms.open(study)
    pipeline.note(opened, 5, name="of the first")
    toml = study / "study.toml"
    asked = toml.read_text()
    toml.write_text(asked.replace("k = 4", "k = 5"))
    pipeline.run(ms.open(study), goal="sae", remake=True)
    again = ms.open(study)
    assert pipeline.notes_of(again) == {}
    pipeline.note(again, 5, name="of the second")
    assert read_notes(place, again.open("sae", "main").hash) == {5: Note(name="of the second")}
    assert sorted(one["5"]["name"] for one in read_json(place)["of"].values()) == [
        "of the first",
        "of the second",
    ]


@pytest.mark.parametrize(
    ("feature", "given", "words"),
    [
        (64, {"name": "x"}, "no feature 64; main has 0 to 63"),
        (-1, {}, "no feature -1"),
        (5, {"name": "x" * (LONGEST_NAME + 1)}, "the name has 121 characters; expected at most 120"),
        (5, {"text": "x" * (LONGEST_TEXT + 1)}, "the text has 4,001 characters; expected at most 4,000"),
        (5, {"name": "red \x1b[31m"}, r"the name has '\x1b' at 4"),
        (5, {"text": "half \ud800"}, r"the text has '\ud800' at 5"),
        (5, {"name": "x", "sae": "mian"}, 'did you mean "main"'),
    ],
)
def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    study: Path, place: Path, feature: int, given: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as told:
        pipeline.note(ms.open(study), feature, **given)
    assert words in str(told.value)
    assert not place.exists()


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({"schema": 2, "of": {}}, "has schema 2; expected 1"),
        ({"schema": 1}, "of:"),
        ({"schema": 1, "of": {"a": {"x": {"name": "", "text": ""}}}}, "of.a.x"),
        ({"schema": 1, "of": {"a": {"5": {"name": "", "text": "", "more": 1}}}}, "of.a.5.more"),
        ({"schema": 1, "of": {"a": {"5": {"name": 7, "text": ""}}}}, "of.a.5.name"),
    ],
)
def test_a_broken_file_of_notes_is_named_and_left_as_it_is(
    tmp_path: Path, kept: dict[str, object], words: str
) -> None:
    place = tmp_path / "main.json"
    write_json(place, kept)
    with pytest.raises(DamagedError) as told:
        read_notes(place, "a")
    assert str(place) in str(told.value)
    assert words in str(told.value)


def test_words_of_a_person_find_a_feature_before_words_of_rules(tmp_path: Path) -> None:
    rules = ["token 'bridge'", "bridge", "fog"]
    write_words(tmp_path, [Words(name=one, fires=(one,), promotes=(), tags=()) for one in rules])
    notes = {2: Note(name="Drawbridges"), 0: Note(text="Any bridge that burns"), 1: Note(name="x")}
    assert [one.feature for one in search_words(tmp_path, "bridge")] == [1, 0]
    found = find_by_words(tmp_path, notes, "BRIDGE")
    assert [(one.feature, one.why) for one in found[:2]] == [
        (2, "in the name that a person gave"),
        (0, "in a person's note"),
    ]
    assert [one.feature for one in found] == [2, 0, 1]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert [one.feature for one in find_by_words(tmp_path, notes, "burns bridge", 1)] == [0]
    among = np.array([True, True, False])
    assert [one.feature for one in find_by_words(tmp_path, notes, "bridge", among=among)] == [0, 1]
    assert find_by_words(tmp_path, notes, "  ") == []


def test_the_command_line_sets_shows_and_finds_a_name(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = monosema("note", str(study), "5", "--name", "[my] zeppelin", "--text", "seen\ntwice")
    assert (done.returncode, done.stdout) == (0, "name  [my] zeppelin\nnote  seen\n      twice\n")
    show.show(study, 5)
    shown = capsys.readouterr().out
    assert "name        [my] zeppelin (by a person)\nby rule     " in shown
    assert "note        seen\n            twice" in shown
    show.show(study, 5, json=True)
    card = json.loads(capsys.readouterr().out)
    assert (card["name"]["by"], card["note"]) == ("a person", "seen\ntwice")
    find.find(study, words="zeppelin", json=True)
    (found,) = json.loads(capsys.readouterr().out)["features"]
    assert (found["feature"], found["name"]["text"]) == (5, "[my] zeppelin")
    note(study, 5, name="", text="")
    assert capsys.readouterr().out == "name  (as by rule)\nnote  (none)\n"
    note(study, 5, json=True)
    assert json.loads(capsys.readouterr().out) == {"feature": 5, "name": "", "text": ""}
