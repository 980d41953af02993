"""The pocket world: concepts and what is true of them, and text about them."""

from monosema.world.catalogue import LANGUAGES, Catalogue, Concept
from monosema.world.forms import Form, Prompt, draw_prompts, load_forms
from monosema.world.library import first_slice, first_slice_facts
from monosema.world.names import Mention, NameMatcher

__all__ = [
    "LANGUAGES",
    "Catalogue",
    "Concept",
    "Form",
    "Mention",
    "NameMatcher",
    "Prompt",
    "draw_prompts",
    "first_slice",
    "first_slice_facts",
    "load_forms",
]
