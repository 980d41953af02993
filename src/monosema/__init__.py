"""Monosema: find, measure, show and steer the features of any language model."""

__version__ = "0.1.0"
