"""The bundled library: text that comes with the package, so that a fresh machine has something to train on."""

from monosema.world.library import first_slice, first_slice_facts

__all__ = ["first_slice", "first_slice_facts"]
