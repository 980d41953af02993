"""What finding features needs besides an index: labelled texts or a vector from a file, vectors of features' words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from monosema.corpora.formats import FORMATS
from monosema.errors import DamagedError, UsageError, lookup
from monosema.index import Embed, load_embedder, meanings, packaged_embedder, read_texts
from monosema.models.loading import identity
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.read_asked import read_asked
from monosema.progress import Reporter
from monosema.sae.formats.tensors import read_tensors

MEANING, VECTORS = "meaning", "vectors.npy"


def labelled_texts(file: Path) -> tuple[list[str], list[int]]:
    """Texts and their labels from JSON lines `{"text": ..., "label": 0 or 1}`.

    Raises `UsageError` that names the line which is none of these, `DamagedError` for a file that is no JSON lines.
    """
    if not file.is_file():
        raise UsageError(f'{file} is no file; expected JSON lines {{"text": ..., "label": 0 or 1}}')
    texts, labels = [], []
    for record in FORMATS[".jsonl"](file):
        text, label = record.fields.get("text"), record.fields.get("label")
        if not isinstance(text, str) or label not in (0, 1):
            raise UsageError(
                f'{file} {record.place} is not {{"text": "...", "label": 0 or 1}}; mend that line'
            )
        texts.append(text)
        labels.append(int(label))
    return texts, labels


def read_vector(file: Path) -> Float[Tensor, " width"]:
    """The one vector that a .npy or .safetensors file holds, float32.

    Raises `UsageError` for a file of another kind and for anything but one vector of real numbers, `DamagedError` for
    a file that cannot be read.
    """
    read = lookup(VECTOR_FILES, file.suffix, "kind of file for a vector")
    if not file.is_file():
        raise UsageError(f"{file} is no file; expected a vector as .npy or .safetensors")
    try:
        found = read(file)
    except (OSError, TypeError, ValueError, SafetensorError) as error:
        raise DamagedError(f"{file} cannot be read as numbers ({error}); write the vector again") from None
    if len(found) != 1 or found[0].squeeze().dim() > 1 or found[0].is_complex():
        shapes = ", ".join(str(tuple(one.shape)) for one in found) or "nothing"
        raise UsageError(f"{file} holds {shapes}; expected one vector of real numbers")
    return found[0].reshape(-1).float()


def _read_npy(file: Path) -> list[Tensor]:
    with file.open("rb") as opened:  # np.load would open archives, too
        return [torch.from_numpy(np.lib.format.read_array(opened, allow_pickle=False))]


VECTOR_FILES: Mapping[str, Callable[[Path], list[Tensor]]] = {
    ".npy": _read_npy,
    ".safetensors": lambda file: list(read_tensors(file)[0].values()),
}
"""Ending of a file that a vector may stand in: what reads its tensors."""


def meaning_of(
    study: OpenStudy, sae: str, embedder: Path | None = None, *, reporter: Reporter | None = None
) -> tuple[Embed, Float[np.ndarray, "d_sae d"]]:
    """An embedding model and the vectors of all features' words, made once and kept in the study.

    `embedder`: folder of the model; None: that of the package. Raises `UsageError` where there is none.
    """
    folder = embedder or packaged_embedder()
    embed = load_embedder(folder)
    index = study.open("index", sae, verify=False)
    asked, parents = {"embedder": identity(folder)}, {index.key: index.hash}
    if study.status(MEANING, sae, asked, parents).state != "fresh":
        seed = read_asked(study.settings, study.path).seed
        with study.making("find", MEANING, sae, asked=asked, parents=parents, seed=seed) as draft:
            np.save(draft.path / VECTORS, meanings(embed, read_texts(index.path), reporter=reporter))
    return embed, np.load(study.open(MEANING, sae).path / VECTORS, allow_pickle=False)
