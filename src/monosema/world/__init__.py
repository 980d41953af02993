"""The pocket world: concepts and what is true of them, and text about them."""

from monosema.world.catalogue import LANGUAGES, Catalogue, Concept, data_files
from monosema.world.forms import Form, Prompt, draw_prompts, load_forms
from monosema.world.library import TEXTS, Text, first_slice, first_slice_facts, library
from monosema.world.names import Mention, NameMatcher

__all__ = [
    "LANGUAGES",
    "TEXTS",
    "Catalogue",
    "Concept",
    "Form",
    "Mention",
    "NameMatcher",
    "Prompt",
    "Text",
    "data_files",
    "draw_prompts",
    "first_slice",
    "first_slice_facts",
    "library",
    "load_forms",
]
