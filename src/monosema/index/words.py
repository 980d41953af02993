"""Search for features by words: SQLite's full-text index (FTS5) of names, tokens and tags.

Words match whatever their case and accents, the last one as a beginning, too. Signs of Chinese, Japanese and Korean
are words of their own, so that any run of them is found wherever it stands.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from monosema.errors import DamagedError
from monosema.files import atomic_file
from monosema.index.find import Among, Candidate

WORDS = "words.sqlite"
COLUMNS = {"name": 4.0, "fires": 2.0, "promotes": 1.0, "tags": 4.0}
"""What is searched, and how much a word counts there: a name says more than one of ten tokens."""
EMBEDDED = 8
"""Words of what a feature fires on, strongest first, that an embedding model is given."""
SAID = {"name": "its name", "fires": "what it fires on", "promotes": "what it promotes", "tags": "its tags"}
_MARK = "\x02"
_ALONE = re.compile(
    "([\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])"
)
"""Signs of Hangul, Kana and Han."""
_UNWRITABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
"""What SQLite's UTF-8 cannot hold or our mark is made of."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What one feature can be found by."""

    name: str
    """What it is called."""
    fires: tuple[str, ...]
    """Tokens, and pairs of them, that it fires on."""
    promotes: tuple[str, ...]
    """Tokens that it promotes."""
    tags: tuple[str, ...]
    """Tags that hold most of its firings."""


def write_words(folder: Path, words: Iterable[Words]) -> None:
    """Write the full-text index of all features, in the order of their numbers. The same words give the same bytes.

    Raises `OSError` (no space) that names the file where the disk is full.
    """
    rows = (
        (feature, *map(_spaced, (one.name, " ".join(one.fires), " ".join(one.promotes), " ".join(one.tags))))
        for feature, one in enumerate(words)
    )
    with atomic_file(folder / WORDS) as temporary, _full_disk_told(folder / WORDS):
        temporary.unlink(missing_ok=True)  # what a killed try left
        with closing(sqlite3.connect(temporary, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = OFF")  # the file is whole or absent as it is
            db.execute(
                f"CREATE VIRTUAL TABLE words USING fts5(feature UNINDEXED, {', '.join(COLUMNS)}, "
                "tokenize = 'unicode61 remove_diacritics 2')"
            )
            db.execute("BEGIN")
            db.executemany("INSERT INTO words VALUES (?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")
            db.execute("INSERT INTO words(words) VALUES ('optimize')")


def read_texts(folder: Path) -> list[str]:
    """What each feature is about, in one line for an embedding model; empty for one that is dead."""
    with _reading(folder / WORDS) as db:
        rows = db.execute("SELECT name, fires, tags FROM words ORDER BY rowid").fetchall()
    return [
        f"{tags or name}: {' '.join(fires.split()[:EMBEDDED])}" if fires else "" for name, fires, tags in rows
    ]


def search_words(folder: Path, query: str, n: int = 10, *, among: Among = None) -> list[Candidate]:
    """Features whose words hold all of the query's, else any of them, ranked by BM25.

    Any text is a query; one without a letter or digit finds nothing. Raises `DamagedError` for a file that is none.
    """
    terms = _terms(query)
    if not terms:
        return []
    with _reading(folder / WORDS) as db:
        return _matches(db, " AND ".join(terms), n, among) or _matches(db, " OR ".join(terms), n, among)


def _matches(db: sqlite3.Connection, query: str, n: int, among: Among) -> list[Candidate]:
    # sorted by `rank`, and by nothing else, what is not read is not marked; what is equally good keeps its order
    weights = ", ".join(map(str, COLUMNS.values()))
    marked = ", ".join(f"highlight(words, {place}, ?1, '')" for place in range(1, len(COLUMNS) + 1))
    rows = db.execute(
        f"SELECT feature, -rank, {marked} FROM words WHERE words MATCH ?2 AND rank MATCH 'bm25(0, {weights})' "  # noqa: S608
        "ORDER BY rank LIMIT ?3",
        (_MARK, query, n if among is None else -1),
    )
    offered = (row for row in rows if among is None or among[row[0]])
    return [
        Candidate(feature=feature, score=score, why=f"in {_places(texts)}")
        for feature, score, *texts in islice(offered, n)
    ]


def _places(texts: Iterable[str]) -> str:
    return ", ".join(SAID[column] for column, text in zip(COLUMNS, texts, strict=True) if _MARK in text)


@contextmanager
def _full_disk_told(path: Path) -> Iterator[None]:
    """Within, SQLite's word for a full disk becomes the system's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            yield db
    except sqlite3.Error as error:
        raise DamagedError(f"{path} cannot be read ({error}); remake the index") from None


def _terms(query: str) -> list[str]:
    """Each word of a query as a phrase in FTS5's language, in which nothing within quotes has a meaning."""
    pieces = [piece for piece in _written(query).split() if any(sign.isalnum() for sign in piece)]
    # a run of signs that are words of their own is a phrase of them
    phrases = ['"' + _spaced(piece).replace('"', '""') + '"' for piece in pieces]
    return [*phrases[:-1], f"{phrases[-1]} *"] if phrases else []


def _spaced(text: str) -> str:
    return _ALONE.sub(r" \1 ", _written(text))


def _written(text: str) -> str:
    return _UNWRITABLE.sub(" ", text)
