"""Gemma Scope's `params.npz` (its first release, for Gemma 2): JumpReLU, b_dec not subtracted, on raw activations.

Tensors W_enc, W_dec, b_enc, b_dec and threshold (the names may be in lower case), as in `weights` with c = 0 and s = 1.
The file does not say where it belongs; its folder does: .../gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71. Of
the sites, res is the residual stream after the layer, mlp what the MLP adds (after its norm), att the heads before the
output projection. Transcoders, and SAEs of embeddings, are not read.

Source: Lieberum et al., 2024 (Gemma Scope), and its repositories.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.lib import format as npy

from monosema.errors import DamagedError, UsageError
from monosema.sae.config import SAEConfig, SAEParts
from monosema.sae.formats.weights import check_shapes, foreign_shapes, make_parts
from monosema.sae.kinds import L1

TENSORS = "params.npz"

SITES: Mapping[str, str] = {"res": "resid_post", "mlp": "mlp_out", "att": "z"}
"""Site in the name of a repository: our kind of hook point."""
_NAMES = ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")
_LAYER = re.compile(r"layer_(\d+)")
_REPOSITORY = re.compile(r"(?:.+--)?gemma-scope-.+-(?P<site>res|mlp|att|transcoders)(-.*)?")
_MOST_PACKED = 20  # times the bytes of the file that its weights may unpack to
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def config(folder: Path, hook: str | None) -> SAEConfig:
    """What shapes and folder tell; `hook` comes before the hook point that the folder's name tells."""
    with _opened(folder / TENSORS) as archive:
        return _config(_shapes(archive, folder / TENSORS), folder, hook)


def read(folder: Path, hook: str | None) -> SAEParts:
    """Read the SAE in `folder`; errors as those of `Format`."""
    file = folder / TENSORS
    with _opened(file) as archive:
        shapes = _shapes(archive, file)
        made = _config(shapes, folder, hook)
        check_shapes(shapes, foreign_shapes(made.d_model, made.d_sae) | {"threshold": (made.d_sae,)}, file)
        arrays = {}
        for info in archive.infolist():
            with archive.open(info) as member:
                arrays[_name(info)] = npy.read_array(member, allow_pickle=False)
    tensors = {name: torch.from_numpy(array.astype(np.float32, copy=False)) for name, array in arrays.items()}
    return make_parts(made, tensors, file, centred=False)


def _config(shapes: Mapping[str, tuple[int, ...]], folder: Path, hook: str | None) -> SAEConfig:
    file = folder / TENSORS
    if len(shapes.get("W_enc", ())) != 2:
        raise DamagedError(f"{file}: W_enc has shape {shapes.get('W_enc')}; expected (d_model, d_sae)")
    d_model, d_sae = shapes["W_enc"]
    told = _place(folder)
    place = hook or told
    if place is None:
        raise UsageError(
            f"{folder} does not tell which hook point it reads (expected .../gemma-scope-2b-pt-res/layer_20/...); "
            "give it (hook, such as resid_post.20)"
        )
    try:
        return SAEConfig(
            kind=L1(l1_coefficient=0.0),
            d_model=d_model,
            d_sae=d_sae,
            input=place,
            output=place,
            model="",
            model_hash="",
        )
    except UsageError as error:
        raise DamagedError(f"{file}: {error}") from None


def _place(folder: Path) -> str | None:
    """Hook point by the names of the folders above the file; None where they tell none."""
    parts = folder.absolute().parts
    known = [(n, match["site"]) for n, part in enumerate(parts) if (match := _REPOSITORY.fullmatch(part))]
    if not known:
        return None
    number, site = known[-1]
    inside = parts[number + 1 :]
    if site not in SITES or "embedding" in inside:
        raise UsageError(
            f"{folder} holds no SAE of a layer; of Gemma Scope those of res, mlp and att are read"
        )
    layers = [match[1] for part in inside if (match := _LAYER.fullmatch(part))]
    return f"{SITES[site]}.{int(layers[-1])}" if layers else None


def _name(info: zipfile.ZipInfo) -> str:
    """Name of the tensor in a member; names in lower case get their capital."""
    name = info.filename.removesuffix(".npy")
    return next((known for known in _NAMES if known.lower() == name.lower()), name)


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever its reader finds wrong with it is a `DamagedError`."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, zlib.error) as error:
        raise DamagedError(f"{file} is no whole .npz file ({error}); get it again") from None


def _shapes(archive: zipfile.ZipFile, file: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by name, from the heads of the members; what they claim must fit the bytes that are there."""
    shapes: dict[str, tuple[int, ...]] = {}
    total = 0
    for info in archive.infolist():
        name = _name(info)
        if name in shapes:
            raise DamagedError(f"{file}: tensor {name} stands in it twice")
        shape, claimed = _head(archive, info, file)
        total += claimed
        if claimed != info.file_size or total > _MOST_PACKED * file.stat().st_size:
            raise DamagedError(
                f"{file}: {name} claims shape {shape} ({claimed} bytes), which does not fit what the file holds; "
                "get it again"
            )
        shapes[name] = shape
    return shapes


def _head(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> tuple[tuple[int, ...], int]:
    """Shape of a member and the bytes that it claims to have, head included."""
    with archive.open(info) as member:
        version = npy.read_magic(member)
        if version not in _HEADERS:
            raise DamagedError(f"{file}: {info.filename} is of .npy version {version}; expected 1.0 or 2.0")
        shape, _, dtype = _HEADERS[version](member)
        head = member.tell()
    if dtype.kind != "f":
        raise DamagedError(f"{file}: {_name(info)} has type {dtype}; expected floating-point numbers")
    return shape, math.prod(shape) * dtype.itemsize + head
