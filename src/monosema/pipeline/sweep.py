"""Lists in a table `[saes.NAME]`: each combination of their values is an SAE of its own.

    [saes.main]
    hook = "resid_post.15"        main-d_sae4096-k16
    d_sae = [4096, 8192]          main-d_sae4096-k32
    k = [16, 32]                  main-d_sae8192-k16
                                  main-d_sae8192-k32

Combinations come in the order written, the last key fastest. A name has one part for each key that holds a list: a
number stands behind its key, text (a hook point, a kind) by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from monosema.errors import UsageError, lookup
from monosema.sae import KINDS
from monosema.settings import field_names
from monosema.study import TOML
from monosema.training import TrainSettings

MOST = 100
"""SAEs that one table may stand for."""
NOT_OF_THE_SAE = frozenset({"file", "store", "store_at", "indexed"})
"""Keys that say where things lie and what is indexed: they are never swept."""


@dataclass(frozen=True)
class Combination:
    """One SAE of a study, before its settings are checked."""

    table: str
    """Name of the table that it stands in: its own, unless that is a sweep."""
    settings: Any
    """What the table says of it."""


def expand(tables: Mapping[str, Any]) -> dict[str, Combination]:
    """The SAEs that tables `[saes.NAME]` stand for, by name, in order.

    Raises `UsageError` for a list that is empty or holds anything but single values, for a sweep beside `file` or
    of too many SAEs, for a setting that not all swept kinds have, and for two SAEs of one name.
    """
    found: dict[str, Combination] = {}
    for table, settings in tables.items():
        for name, one in _of(table, settings).items():
            if name in found:
                raise UsageError(
                    f"{TOML}: saes.{found[name].table} and saes.{table} both make an SAE {name}; rename one of them"
                )
            found[name] = Combination(table, one)
    return found


def _of(table: str, settings: Any) -> dict[str, Any]:
    """Settings by name of all that one table stands for; what is no table is left to who checks it."""
    where = f"{TOML}: saes.{table}"
    swept = _swept(settings, where) if isinstance(settings, Mapping) else {}
    if not swept:
        return {table: settings}
    if "file" in settings:
        raise UsageError(
            f"{where}.{next(iter(swept))} holds a list; beside file an SAE is trained already: take one out"
        )
    count = math.prod(len(values) for values in swept.values())
    if count > MOST:
        sizes = " x ".join(f"{len(values)} {key}" for key, values in swept.items())
        raise UsageError(
            f"{where} stands for {count} SAEs ({sizes}); expected {MOST} at most: shorten a list"
        )
    _check_kinds(settings, where)
    found: dict[str, Any] = {}
    for values in product(*swept.values()):
        chosen = dict(zip(swept, values, strict=True))
        name = "-".join([table, *(_part(key, value) for key, value in chosen.items())])
        if name in found:
            raise UsageError(f"{where} makes two SAEs {name}; take one of the values out of its list")
        found[name] = {**settings, **chosen}
    return found


def _swept(settings: Mapping[str, Any], where: str) -> dict[str, list[Any]]:
    """The keys that hold a list of values, each checked to hold single ones."""
    whole = _whole_lists() | NOT_OF_THE_SAE
    swept = {key: value for key, value in settings.items() if isinstance(value, list) and key not in whole}
    for key, values in swept.items():
        if not values:
            raise UsageError(f"{where}.{key} is []; expected a value, or a list of at least one")
        for value in values:
            if not isinstance(value, str | int | float):
                raise UsageError(
                    f"{where}.{key} holds {value!r}; expected single values: numbers, text, true or false"
                )
    return swept


def _check_kinds(settings: Mapping[str, Any], where: str) -> None:
    """Raise `UsageError` for a setting that some of the swept kinds have and others do not."""
    kinds = settings.get("kind")
    if not isinstance(kinds, list):
        return
    fields = {str(kind): field_names(lookup(KINDS, str(kind), f"kind in {where}")) for kind in kinds}
    of_training = field_names(TrainSettings)
    for key in settings:
        having = [kind for kind, names in fields.items() if key in names]
        lacking = next((kind for kind, names in fields.items() if key not in names), None)
        if having and lacking and key not in of_training:
            raise UsageError(
                f"{where}.{key} is a setting of kind {having[0]}, yet not of {lacking}, which is swept too; "
                f"give {lacking} a table of its own"
            )


def _part(key: str, value: str | float) -> str:
    """What a name says of one value; whole numbers read alike as 1 and 1.0."""
    if isinstance(value, bool):
        text = f"{key}_{str(value).lower()}"
    elif isinstance(value, str):
        text = value
    else:
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        text = f"{key}{int(value) if whole else value}"
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in text)


@cache
def _whole_lists() -> frozenset[str]:
    """Settings of kinds and of training whose proper value is a list."""
    classes = (TrainSettings, *KINDS.values())
    hints = {name: hint for cls in classes for name, hint in get_type_hints(cls).items()}
    return frozenset(name for name, hint in hints.items() if _takes_list(hint))


def _takes_list(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_takes_list(one) for one in get_args(hint))
    return (get_origin(hint) or hint) in (list, tuple)
