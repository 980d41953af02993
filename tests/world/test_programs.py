"""Programs and facts of the grammar: what they claim is what Python does and what the catalogue says."""

from __future__ import annotations

import contextlib
import doctest
import io
from pathlib import Path

import pytest

from monosema.world import Catalogue, Concept
from monosema.world.grammar import Composed, compose
from monosema.world.grammar.draw import phrase
from monosema.world.tables import Data
from world.composed import RAISED, REAL, SMALL, SYNTAX, made, twins, without_spans


def outcome(source: str) -> tuple[str, str]:
    """The error that a program ends with, or "", and what it prints."""
    for path in Path().glob("*.txt"):
        path.unlink()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "program", "exec"), {"__name__": "__main__"})
    except Exception as error:
        names = [one.__name__ for one in type(error).__mro__]
        return next((name for name in names if name in ("SyntaxError", *RAISED.values())), names[0]), ""
    return "", printed.getvalue()


def test_right_programs_run_and_their_twins_go_wrong_in_the_marked_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    documents = tuple(compose(REAL, seed=11, documents=3000, makers=["code"]))
    seen = set()
    for right, wrong in twins("code", documents):
        assert [span[2] for span in right.spans] == ["code_right"]
        assert [span[2] for span in wrong.spans] == ["code_error"]
        assert right.tags["bug"] == wrong.tags["bug"]
        assert without_spans(right) == without_spans(wrong)
        error, printed = outcome(right.text)
        assert not error, right.text
        assert printed
        kind, failed = right.tags["bug"], outcome(wrong.text)
        assert failed != ("", printed), wrong.text
        if kind in RAISED:
            assert failed[0] == RAISED[kind], wrong.text
        assert (failed[0] == "SyntaxError") == (kind in SYNTAX), wrong.text
        seen.add((right.tags["template"], kind, wrong.text[slice(*wrong.spans[0][:2])].split("(")[0]))
    assert len({template for template, *_ in seen}) == len(Data.read("code.toml").tables("program"))
    assert {"missing return", "off by one", *SYNTAX, *RAISED} <= {kind for _, kind, _ in seen}


def test_which_twin_comes_first_is_chance() -> None:
    first = [one.tags["correct"] for one in made("real", "code")[::2]]
    assert 0.4 < first.count("yes") / len(first) < 0.6


def test_sessions_answer_as_python_does() -> None:
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for one in made("real", "session"):
        found = parser.get_doctest(one.text, {}, one.tags["template"], None, 0)
        result = runner.run(found, out=report.append)
        assert result.failed == 0, report
        assert result.attempted >= 4
        marked = [span for span in one.spans if span[2] == "traceback"]
        assert len(marked) == one.text.count("Traceback") == (one.tags["error"] != "no")
        assert (one.tags["error"] == "no") == ("/plain/" in one.tags["template"])


def follow(catalogue: Catalogue, one: Composed) -> Concept | str:
    """The answer to a fact's question, worked out anew."""
    reached: Concept | str = catalogue[one.tags["subject"]]
    for relation in one.tags["relation"].split("."):
        assert isinstance(reached, Concept)
        value = reached.facts[relation]
        reached = catalogue[value[1:]] if value.startswith("@") else value
    return reached


@pytest.mark.parametrize(("name", "catalogue"), [("small", SMALL), ("real", REAL)])
def test_facts_are_those_of_the_catalogue(name: str, catalogue: Catalogue) -> None:
    for one in made(name, "facts"):
        subject, reached = catalogue[one.tags["subject"]], follow(catalogue, one)
        said = phrase(reached.topic if isinstance(reached, Concept) else reached, "answer")
        assert one.tags["answer"] == said.text[slice(*said.spans[0][:2])]
        assert int(one.tags["hops"]) == one.tags["relation"].count(".") + 1
        assert subject.topic in one.text
        marked = {tag: one.text[start:end] for start, end, tag in one.spans}
        assert marked["answer"] == one.tags["answer"] != marked[subject.id]


def test_facts_have_one_hop_or_two_as_statements_and_as_questions() -> None:
    documents = made("real", "facts")
    assert 0.3 < sum(one.tags["hops"] == "2" for one in documents) / len(documents) < 0.6
    assert len({one.tags["relation"] for one in documents}) >= 30
    for form in ("statement", "question"):
        for side in (False, True):
            assert any(form in one.tags["template"] and one.held_out == side for one in documents)


def test_a_small_catalogue_has_facts_of_two_hops() -> None:
    told = {one.text for one in made("small", "facts") if one.tags["relation"] == "birthplace.capital"}
    assert told
    assert all("Lutetia" in text or "Toletum" in text for text in told)
    assert any("Caesar" in one.text for one in made("small", "facts"))
