"""Texts of single tokens: how they are written in names, which are one word, of which class they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from monosema.models import BROKEN

LONGEST_ENDING = 3


def spoken(token: str) -> str:
    """A token without the blanks around it; one of blanks alone as it is."""
    return token.strip() or token


def quoted(token: str) -> str:
    """A token between quotes, line breaks and what cannot be seen as escapes; blanks at its ends are left out."""
    return f"'{repr(spoken(token))[1:-1]}'"


def one_word(one: str, other: str) -> bool:
    """Whether two texts are a word in two forms: equal but for case and accents, or but for a short ending."""
    short, long = sorted((folded(one), folded(other)), key=len)
    if not short:
        return False
    ending = len(long) - len(short)
    most = LONGEST_ENDING if len(short) > LONGEST_ENDING else int(long.endswith("s") and len(short) > 2)
    return long.startswith(short) and ending <= most


@lru_cache(maxsize=1 << 17)
def folded(text: str) -> str:
    """A text without blanks, case and accents."""
    apart = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def class_of(token: str) -> str | None:
    """The class of a token that is not of Latin letters: by its first sign."""
    text = token.strip()
    if not text:
        return ("line breaks" if "\n" in token else "blanks") if token else None
    if BROKEN in text:
        return "pieces of characters"
    first = text[0]
    if all(sign.isdigit() for sign in text):
        return "digits"
    if all(unicodedata.category(sign)[0] in "PS" for sign in text):
        return "punctuation"
    script = unicodedata.name(first, "").split(" ")[0].title()
    return (
        f"{SCRIPTS.get(script, script)} letters" if first.isalpha() and script not in ("", "Latin") else None
    )


SCRIPTS: Mapping[str, str] = {"Cjk": "Chinese", "Hangul": "Korean"}
"""Scripts whose signs Unicode names otherwise than people do."""
