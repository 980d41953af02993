"""Sessions of the Python interpreter: what is typed comes from templates, every answer from really running it."""

from __future__ import annotations

import builtins
import random
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from monosema.world.catalogue import Catalogue
from monosema.world.grammar.text import DOLLAR, Composed, Make, Piece, Template, finish, join, parse_group
from monosema.world.grammar.words import Words
from monosema.world.tables import Data

FILE = "<stdin>"
"""What the interpreter calls the lines that are typed."""
SAFE = [
    "ValueError",
    "TypeError",
    "__build_class__",
    "abs",
    "all",
    "any",
    "bool",
    "dict",
    "divmod",
    "enumerate",
    "float",
    "int",
    "isinstance",
    "len",
    "list",
    "max",
    "min",
    "range",
    "reversed",
    "round",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
]
"""Built-in names that a session may use; print is replaced."""


@dataclass(frozen=True)
class _Input:
    """What is typed up to the next prompt."""

    template: Template
    expression: bool


@dataclass(frozen=True)
class _Session:
    template: Template
    inputs: tuple[_Input, ...]
    kinds: Mapping[str, Sequence[str]]
    """Its slots by kind."""


def session(_: Catalogue) -> Make:
    """Prepare the maker."""
    words, sessions = _load()

    def make(rng: random.Random, number: int) -> Composed:
        chosen = rng.choice(sessions)
        values = words.draw(rng, chosen.kinds)
        names, printed = _namespace()
        pieces: list[Piece] = []
        error = "no"
        for typed in chosen.inputs:
            source = typed.template.fill(values).text
            pieces.append(Piece(_prompted(source)))
            failure = _run(source, typed.expression, names, printed)
            if printed:
                pieces.append(Piece("".join(printed)))
                printed.clear()
            if failure is not None:
                error = type(failure).__name__
                pieces += (Piece.tagged(_report(failure), "traceback"), Piece("\n"))
        return finish(chosen.template, join(pieces), error=error)

    return make


def _namespace() -> tuple[dict[str, object], list[str]]:
    """Names for a session, and where its output goes."""
    printed: list[str] = []

    def show(*values: object, sep: str = " ", end: str = "\n") -> None:
        printed.append(sep.join(map(str, values)) + end)

    allowed: dict[str, Callable[..., object]] = {name: getattr(builtins, name) for name in SAFE}
    return {"__builtins__": allowed | {"print": show}, "__name__": "__main__"}, printed


def _run(source: str, expression: bool, names: dict[str, object], printed: list[str]) -> Exception | None:
    """Run an input; what it shows is appended to `printed`. The sources are those of our own templates."""
    try:
        if expression:
            value: object = eval(compile(source, FILE, "eval"), names)  # noqa: S307
            if value is not None:
                printed.append(f"{value!r}\n")
        else:
            exec(compile(source, FILE, "exec"), names)  # noqa: S102
    except Exception as error:
        return error
    return None


def _prompted(source: str) -> str:
    first, *rest = source.split("\n")
    more = "".join(f"... {line}\n" for line in rest)
    return f">>> {first}\n{more}...\n" if rest else f">>> {first}\n"


def _report(error: Exception) -> str:
    """The traceback as the interpreter shows it."""
    frames = [
        f'  File "{FILE}", line {line}, in {frame.f_code.co_name}'
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == FILE
    ]
    return "\n".join(["Traceback (most recent call last):", *frames, f"{type(error).__name__}: {error}"])


@cache
def _load() -> tuple[Words, tuple[_Session, ...]]:
    data = Data.read("session.toml")
    words, groups = Words.read(data), data.inner("sessions")
    return words, tuple(
        _session(template, words)
        for group in groups.table
        for template in parse_group(f"session/{group}", groups.strings(group), DOLLAR)
    )


def _session(template: Template, words: Words) -> _Session:
    inputs: list[str] = []
    for line in template.text.strip().split("\n"):
        if line.startswith(" "):
            inputs[-1] += f"\n{line}"
        else:
            inputs.append(line)
    return _Session(
        template,
        tuple(_Input(Template.parse(template.id, one, DOLLAR), _is_expression(one)) for one in inputs),
        words.kinds(template.slots),
    )


def _is_expression(source: str) -> bool:
    try:
        compile(DOLLAR.sub(r"\1", source), FILE, "eval")
    except SyntaxError:
        return False
    return True
