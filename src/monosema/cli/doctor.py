"""`doctor`: what this machine offers and what is missing, with what to do about it."""

from __future__ import annotations

from monosema.cli.output import Json, print_json, print_table


def doctor(json: Json = False) -> None:
    """Say what this machine offers, what is missing, and what to do about it."""
    from monosema.pipeline.health import checks

    found = checks()
    if json:
        print_json({"checks": [check.to_dict() for check in found]})
        return
    print_table(
        "monosema doctor", ["", "found", "what to do"], [[c.name, c.found, c.advice or "-"] for c in found]
    )
