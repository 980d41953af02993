"""Other libraries' bars, advice and errors, brought down to one line or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging

from monosema.errors import ResourceError

_OUT_OF_MEMORY = ("not enough memory", "out of memory", "can't allocate memory", "cannot allocate memory")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing bars and advice; errors still raise."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    text = str(error).strip()
    return text.splitlines()[0].strip() if text else type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; on a processor torch says so by a plain RuntimeError."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


@contextmanager
def memory(message: str) -> Iterator[None]:
    """Raise `ResourceError` with `message` where memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise ResourceError(message) from error
        raise
