"""The command line: parse, call, print. One small file for each group of verbs; no logic."""

from monosema.cli.main import main

__all__ = ["main"]
