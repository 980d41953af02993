"""Text composed by grammar: `compose` makes it, `MAKERS` says of which kinds."""

from monosema.world.grammar.compose import MAKERS, Maker, compose
from monosema.world.grammar.text import Composed, Span

__all__ = ["MAKERS", "Composed", "Maker", "Span", "compose"]
