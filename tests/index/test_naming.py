"""Names by rule on planted features, and the shares that they rest on against the obvious way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from index.planted import PlantedIndex
from monosema.errors import DamagedError
from monosema.index import describe, read_names, search_words
from monosema.index.evidence import FIXED, LIFT, Evidence, evidence
from monosema.index.naming import RULES, Name, name_of
from monosema.index.spelling import class_of, folded, one_word, spoken

WORDS = (
    *(" the", " a", " fox", " dog", " golden", " gate", " Gate", " gates", " bridge", " Bridge", "bridges"),
    *(" old", " red", "\n", "1", "2", ".", ",", " 桥", " café", " run", " runs"),
)


def text(count: int = 40, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[*rng.choice(WORDS, 30).tolist(), " golden", " gate", " bridge"] for _ in range(count)]


def rows_of(documents: list[list[str]]) -> list[tuple[str | None, str, str | None]]:
    """The token before each row, that of the row, and the one after."""
    return [
        (
            document[place - 1] if place else None,
            token,
            document[place + 1] if place + 1 < len(document) else None,
        )
        for document in documents
        for place, token in enumerate(document)
    ]


def known(**what: object) -> Evidence:
    usual: dict[str, object] = {
        "count": 100,
        "tokens": ((" of", 0.1), (" the", 0.05)),
        "promoted": (),
        "phrase": None,
        "following": None,
        "kind": None,
        "opening": 0.0,
        "tag": None,
        "pairs": (),
    }
    return Evidence(**(usual | what))


@pytest.mark.parametrize(
    ("what", "text", "confidence", "rule"),
    [
        ({"tag": ("golden_gate", 0.9)}, "golden_gate", 0.9, "tag"),
        (
            {"phrase": (" Golden", " Gate", 0.8), "tokens": ((" Gate", 0.9),)},
            "'Gate' after 'Golden'",
            0.8,
            "phrase",
        ),
        ({"tokens": ((" Gate", 0.6), ("Gate", 0.3))}, "token 'Gate'", 0.9, "token"),
        (
            {"tokens": ((" gate", 0.5), (" Gate", 0.3), (" gates", 0.15), (" of", 0.02))},
            "tokens gate, Gate, gates",
            0.95,
            "word",
        ),
        (
            {"following": ("Bridge", 0.7), "promoted": (" Bridge", " bridge"), "tokens": ((" Gate", 0.4),)},
            "before 'Bridge'",
            0.7,
            "before",
        ),
        ({"kind": ("digits", 1.0), "tokens": (("1", 0.4), ("2", 0.3))}, "digits", 1.0, "class"),
        ({"opening": 0.99}, "first token of a document", 0.99, "place"),
        ({"tokens": ((" in", 0.2), (" of", 0.1))}, "tokens 'in' and 'of'", 0.3, "tokens"),
        ({"tokens": (("\n", 0.95),)}, r"token '\n'", 0.95, "token"),
        ({"count": 0, "tokens": ()}, "dead", 1.0, "dead"),
        ({"tokens": ()}, "no name", 0.0, "none"),
    ],
)
def test_a_planted_feature_gets_its_name(
    what: dict[str, object], text: str, confidence: float, rule: str
) -> None:
    found = name_of(known(**what))
    assert (found.text, found.rule, found.by) == (text, rule, "rule")
    assert found.confidence == pytest.approx(confidence)


def test_a_surer_name_wins_and_of_names_about_as_sure_the_one_that_tells_more() -> None:
    gate = known(tag=("golden_gate", 0.5), tokens=((" Gate", 0.9),))
    assert name_of(gate).rule == "token"
    assert name_of(known(tag=("golden_gate", 0.75), tokens=((" Gate", 0.9),))).rule == "tag"


def test_a_tag_that_tells_little_is_no_name() -> None:
    faint = known(tag=("golden_gate", 0.29), tokens=((" Gate", 0.1),))
    assert name_of(faint).rule == "token"
    assert name_of(known(tag=("golden_gate", 0.3), tokens=((" Gate", 0.1),))).rule == "tag"


def test_what_comes_next_names_nothing_while_one_word_holds_most() -> None:
    found = name_of(known(following=("Bridge", 0.9), tokens=((" Gate", 0.95),)))
    assert found.text == "token 'Gate'"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Gate", "gates", True),
        ("café", "Cafe", True),
        ("car", "cars", True),
        ("car", "care", False),
        ("run", "bridge", False),
        ("bridge", "bridges", True),
        ("photo", "photograph", False),
        ("", "a", False),
    ],
)
def test_forms_of_a_word(one: str, other: str, same: bool) -> None:
    assert one_word(one, other) is one_word(other, one) is same


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        (" 12", "digits"),
        ("...", "punctuation"),
        (" \n", "line breaks"),
        ("   ", "blanks"),
        ("\ufffd", "pieces of characters"),
        (" 桥", "Chinese letters"),
        ("다", "Korean letters"),
        ("да", "Cyrillic letters"),
        (" Gate", None),
        ("", None),
    ],
)
def test_classes_of_tokens(token: str, kind: str | None) -> None:
    assert class_of(token) == kind


def planted(folder: Path) -> tuple[PlantedIndex, list[tuple[str | None, str, str | None]]]:
    documents = text()
    rows = rows_of(documents)
    fires = [
        [before == " golden" and at == " gate" for before, at, _ in rows],
        [at in (" gate", " Gate", " gates") for _, at, _ in rows],
        [after == " bridge" for *_, after in rows],
        [at in "12" for _, at, _ in rows],
        [before is None for before, *_ in rows],
        [False for _ in rows],
        [at in (" fox", " dog") for _, at, _ in rows],
        [at in (" old", " red") and place % 6 > 0 for place, (_, at, _) in enumerate(rows)],
    ]
    rng = np.random.default_rng(1)
    acts = np.array(fires).T * rng.uniform(1, 4, (len(rows), len(fires)))
    old = np.array([at in (" old", " red") for _, at, _ in rows])
    promoted = {2: [" bridge", " Bridge", "bridges", " fox"]}
    return PlantedIndex(folder / "i", documents, acts, promoted=promoted, inside={"colour": old}), rows


def test_features_that_were_planted_in_a_text_are_named_and_found_by_their_words(tmp_path: Path) -> None:
    index, _ = planted(tmp_path)
    describe(tmp_path, index)
    names = read_names(tmp_path)
    assert [one.text for one in names[:7]] == [
        "'gate' after 'golden'",
        "tokens gate, Gate, gates",
        "before 'bridge'",
        "digits",
        "first token of a document",
        "dead",
        names[6].text,
    ]
    assert names[6].rule == "tokens"
    assert names[6].confidence == pytest.approx(1.0)
    assert names[7] == Name(text="colour", confidence=names[7].confidence, rule="tag")
    fired, inside = int((index.acts[:, 7] > 0).sum()), int(index.tags.rows[0])
    assert names[7].confidence == pytest.approx(2 * fired / (fired + inside))
    assert len(names) == 8
    assert search_words(tmp_path, "colour")[0].feature == 7
    assert search_words(tmp_path, "golden gate")[0].feature == 0
    assert {one.feature for one in search_words(tmp_path, "dog")} >= {6}


def test_describing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    index, _ = planted(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        describe(tmp_path / name, index)
    for name in ("names.parquet", "words.sqlite"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_shares_are_those_of_the_matrix_and_what_is_as_common_anyhow_is_not_said(tmp_path: Path) -> None:
    documents = text(30, seed=5)
    rows = rows_of(documents)
    rng = np.random.default_rng(2)
    acts = rng.uniform(0.5, 8, (len(rows), 10)) * (rng.random((len(rows), 10)) < 0.2)
    acts[:, 0] *= [after == " bridge" or at == " fox" for _, at, after in rows]
    acts[:, 1] *= [before == " golden" for before, *_ in rows]
    promoted = {one: [" bridge", "bridges", " gate", " gates"] for one in range(10)}
    index = PlantedIndex(tmp_path / "i", documents, acts, promoted=promoted)
    assert any(one.phrase for one in evidence(index))
    for feature, found in enumerate(evidence(index)):
        column = index.acts[:, feature].astype(np.float64)

        def share(true: list[bool], column: np.ndarray = column) -> float:
            return float(column[np.array(true)].sum() / column.sum())

        top = [rows[row] for row in index.table["top_rows"][feature] if row >= 0]
        (before, at), _ = Counter((one, two) for one, two, _ in top if one is not None).most_common(1)[0]
        pair = [row[:2] == (before, at) for row in rows]
        usual = sum(pair) / sum(row[1] == at for row in rows)
        fixed = sum(pair) >= FIXED * sum(row[0] == before for row in rows)
        if fixed or share(pair) >= LIFT * usual * share([row[1] == at for row in rows]):
            assert found.phrase is not None
            assert found.phrase[:2] == (before, at)
            assert found.phrase[2] == pytest.approx(share(pair), rel=1e-3)
        else:
            assert found.phrase is None
        if found.following is not None:
            word, told = found.following
            next_ = [row[2] is not None and folded(spoken(row[2])) == folded(word) for row in rows]
            assert told == pytest.approx(share(next_), rel=1e-3)
            assert told >= LIFT * sum(next_) / len(rows)
        kinds = Counter(class_of(at) for _, at, _ in rows)
        shares = {kind: share([class_of(row[1]) == kind for row in rows]) for kind in kinds if kind}
        best = max(shares, key=lambda kind: shares[kind])
        if found.kind is not None:
            assert found.kind == (best, pytest.approx(shares[best], rel=1e-3))
        else:
            assert shares[best] < 1.001 * LIFT * kinds[best] / len(rows)
        assert found.opening == pytest.approx(share([row[0] is None for row in rows]), rel=1e-3)
        assert found.tokens[0][1] == pytest.approx(share([row[1] == found.tokens[0][0] for row in rows]))


def test_a_promoted_word_that_stands_nowhere_does_not_hide_the_one_that_follows(tmp_path: Path) -> None:
    documents = [[" gate", "\n" if n % 9 < 5 else " bridge", " old", " red", ".", ","] for n in range(18)]
    fires = np.array([at == " gate" for _, at, _ in rows_of(documents)])
    index = PlantedIndex(tmp_path / "i", documents, fires[:, None] * 2.0)
    absent = [" zebra", " zebras", " bridges"]
    index.tokens.known += absent
    index.tokens.vocabulary += len(absent)
    numbers = [index.tokens.known.index(text) for text in (*absent, " bridge")]
    index.table["promoted"] = np.array([[*numbers, *[-1] * 6]])
    (found,) = evidence(index)
    assert found.promoted == (*absent, " bridge")
    assert found.following == ("bridge", pytest.approx(4 / 9, rel=1e-3))


def test_every_rule_is_told_in_the_head_of_the_file() -> None:
    import monosema.index.naming as naming

    for rule in RULES:
        assert f"    {rule} " in str(naming.__doc__)


def test_names_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "names.parquet").write_bytes(b"no")
    with pytest.raises(DamagedError, match=r"names\.parquet cannot be read"):
        read_names(tmp_path)
