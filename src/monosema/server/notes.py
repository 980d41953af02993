"""The route of notes: a person's own name for a feature and what the person has written about it.

It is the only one that writes. Notes count in the version of their SAE, since its names are told in many places: who
has named the version before is told that it changed.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from monosema.errors import RefusedError
from monosema.pipeline.notes import LONGEST_NAME, LONGEST_TEXT, note
from monosema.server.access import Index, Served
from monosema.server.errors import ChangedError
from monosema.server.features import Number, check_number
from monosema.server.fresh import Versioned
from monosema.server.record import Record, Text

router = APIRouter(prefix="/studies/{study}/saes/{sae}/features/{number}", tags=["features"])


class NoteBody(Record):
    """What a person says of a feature; it takes the place of what was said before. Empty texts take that away."""

    name: Text = Field(max_length=LONGEST_NAME)
    """One line."""
    text: Text = Field(max_length=LONGEST_TEXT)


class NoteRecord(Record):
    """What is kept."""

    name: str
    text: str
    version: str
    """Version of the SAE from now on."""


@router.put("/note")
def put_note(
    served: Served, index: Index, number: Number, query: Annotated[Versioned, Query()], asked: NoteBody
) -> NoteRecord:
    """Keep a name and a note. With `v` only where nothing was remade or noted since the client looked."""
    check_number(index, number)
    if query.v not in (None, served.version):
        raise ChangedError(
            f"{served.name} of {served.study.name} was remade, or something else was noted: its version is "
            f"{served.version} now"
        )
    try:
        kept = note(served.study, number, name=asked.name, text=asked.text, sae=served.name)
    except OSError as error:
        raise RefusedError(
            f"the note was not kept: {error.filename or 'its file'} cannot be written ({error.strerror})"
        ) from None
    return NoteRecord(name=kept.name, text=kept.text, version=served.version)
