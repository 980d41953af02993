"""What people say of features: a name of their own and a note, kept apart from what is made.

    notes/SAE.json    {"schema": 1, "of": {HASH: {FEATURE: {"name": ..., "text": ...}}}}

HASH is that of the SAE which they are about: one that is trained anew begins without notes, and those of the one before
stay in the file, for when it comes back. They count in no artifact and do without the lock of the study, so that they
can be written while a run goes on.
"""

from __future__ import annotations

import fcntl
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from monosema.errors import DamagedError, UsageError
from monosema.files import read_json, write_json
from monosema.index import Among, Candidate, Names, read_names, search_words
from monosema.pipeline.loaders import OpenStudy
from monosema.sae.formats.monosema import RECORD

FOLDER = "notes"
SCHEMA = 1
LONGEST_NAME, LONGEST_TEXT = 120, 4000
"""Characters."""
UNPRINTABLE = ("Cc", "Cs")
"""Categories of Unicode that are no text: signs that steer a terminal, and halves of surrogate pairs."""
IN_NAME, IN_TEXT = 2.0, 1.0
"""What words that a person wrote add to the best score of words that rules found, so that these features come first."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a person says of a feature."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str = ""
    """What the person calls it; empty: as the rules do."""
    text: str = ""
    """What the person has written about it."""


Notes = Mapping[int, Note]
"""By the numbers of features; those of which nobody says anything are not there."""
_Kept = dict[str, dict[int, Note]]  # by the hash of the SAE
_KEPT = TypeAdapter(_Kept)


def note(
    study: OpenStudy, feature: int, *, name: str | None = None, text: str | None = None, sae: str = "main"
) -> Note:
    """What a person says of a feature of the present SAE, after what is given was kept; empty texts take it away.

    `name`: one line, at most `LONGEST_NAME` characters. `text`: at most `LONGEST_TEXT`. None: it stays as it is. Raises
    `UsageError` for what is longer or no text and for an unknown feature, `DamagedError` for a broken file of notes.
    """
    study.asked_sae(sae)
    made = study.open("sae", sae, verify=False)
    d_sae = int(read_json(made.path / RECORD)["config"]["d_sae"])
    if not 0 <= feature < d_sae:
        raise UsageError(f"there is no feature {feature}; {sae} has 0 to {d_sae - 1}")
    place = notes_place(study, sae)
    if name is None and text is None:
        return read_notes(place, made.hash).get(feature, Note())
    name = None if name is None else _checked("name", " ".join(name.split()), LONGEST_NAME)
    text = None if text is None else _checked("text", "\n".join(text.strip().splitlines()), LONGEST_TEXT)
    with _alone(place):
        kept = _read(place)
        own = kept.setdefault(made.hash, {})
        before = own.pop(feature, Note())
        after = replace(
            before, name=before.name if name is None else name, text=before.text if text is None else text
        )
        if after != Note():
            own[feature] = after
        _write(place, kept)
    return after


def notes_place(study: OpenStudy, sae: str) -> Path:
    """The file of the notes on an SAE, there or not."""
    return study.path / FOLDER / f"{sae}.json"


def read_notes(place: Path, hash_: str) -> dict[int, Note]:
    """The notes that a file has on the SAE with a hash. Raises `DamagedError` for a file that holds something else."""
    return _read(place).get(hash_, {})


def notes_of(study: OpenStudy, sae: str = "main") -> dict[int, Note]:
    """The notes on an SAE as it is now. Raises as `read_notes`."""
    return read_notes(notes_place(study, sae), study.open("sae", sae, verify=False).hash)


def names_of(study: OpenStudy, sae: str = "main") -> Names:
    """What the features of an SAE are called: as a person said, else by rule. Raises as `read_notes`, `read_names`."""
    return read_names(study.open("index", sae, verify=False).path).with_own(own_names(notes_of(study, sae)))


def own_names(notes: Notes) -> dict[int, str]:
    """The names among notes."""
    return {feature: one.name for feature, one in notes.items() if one.name}


def find_by_words(
    folder: Path, notes: Notes, query: str, n: int = 10, *, among: Among = None
) -> list[Candidate]:
    """Features by words: those that a person named by all of them, or wrote all of them about, then as `search_words`.

    `folder`: of the index. In what people wrote, words may be parts of longer ones.
    """
    found = search_words(folder, query, n, among=among)
    best = max((one.score for one in found), default=0.0)
    words = query.casefold().split()
    said = [
        Candidate(feature=feature, score=best + more, why=why)
        for feature, one in notes.items()
        if words and (among is None or among[feature])
        for more, why in _where(one, words)
    ]
    said.sort(key=lambda one: (-one.score, one.feature))
    own = {one.feature for one in said}
    return [*said, *(one for one in found if one.feature not in own)][:n]


def _where(one: Note, words: list[str]) -> Iterator[tuple[float, str]]:
    """What a note with all of the words adds to a score, and why; nothing for another one."""
    if all(word in one.name.casefold() for word in words):
        yield IN_NAME, "in the name that a person gave"
    elif all(word in one.text.casefold() for word in words):
        yield IN_TEXT, "in a person's note"


def _checked(what: str, value: str, longest: int) -> str:
    if len(value) > longest:
        raise UsageError(
            f"the {what} has {len(value):,} characters; expected at most {longest:,}: shorten it"
        )
    for place, sign in enumerate(value):
        if sign not in "\n\t" and unicodedata.category(sign) in UNPRINTABLE:
            raise UsageError(f"the {what} has {sign!a} at {place}, which is no text; take it out")
    return value


def _read(place: Path) -> _Kept:
    if not place.is_file():
        return {}
    kept = read_json(place)
    if kept.get("schema") != SCHEMA:
        raise DamagedError(
            f"{place} has schema {kept.get('schema')!r}; expected {SCHEMA}: upgrade monosema, or move the file away"
        )
    try:
        return _KEPT.validate_python(kept.get("of"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("of", *first["loc"]))
        raise DamagedError(f"{place}: {where}: {first['msg']}; mend it, or move the file away") from None


def _write(place: Path, kept: _Kept) -> None:
    """Write what is kept, features in order, without SAEs of which nothing is said any more."""
    write_json(
        place,
        {
            "schema": SCHEMA,
            "of": {
                hash_: {
                    str(feature): {"name": one.name, "text": one.text} for feature, one in sorted(own.items())
                }
                for hash_, own in kept.items()
                if own
            },
        },
    )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Within, nobody else writes notes of this study; it takes a moment only, so that others wait."""
    place.parent.mkdir(exist_ok=True)
    with (place.parent / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
