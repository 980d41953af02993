"""SAELens's activation store as a process that hands out activations when asked; runs in an environment of its own.

    python sae_lens_store.py '{"model": ..., "layer": ..., ...}'

Writes `ready`, then for every line `ROWS N` on standard input takes N activations from a store that gives the model
so many rows at a time, and writes the number that it took. A store is kept until another number of rows is asked for.
Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import torch
from datasets import Dataset, load_from_disk
from sae_lens.load_model import load_model  # type: ignore[import-not-found]
from sae_lens.training.activations_store import ActivationsStore  # type: ignore[import-not-found]
from torch import Tensor

TRAIN_BATCH = 4096


def main() -> None:
    asked = json.loads(sys.argv[1])
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever the libraries print is no answer
    torch.set_num_threads(asked["threads"])
    dataset = load_from_disk(asked["dataset"])
    assert isinstance(dataset, Dataset)
    hook = f"model.layers.{asked['layer']}"
    model = load_model(
        "AutoModelForCausalLM",
        asked["model"],
        device="cpu",
        model_from_pretrained_kwargs={"dtype": getattr(torch, asked["dtype"])},
        hook_names=[hook],
    )

    def store_of(rows: int) -> Iterator[Tensor]:
        store: Iterator[Tensor] = ActivationsStore(
            model=model,
            dataset=dataset,
            streaming=False,
            hook_name=hook,
            hook_head_index=None,
            context_size=asked["context"],
            d_in=asked["d_model"],
            n_batches_in_buffer=asked["buffer_rows"] // asked["context"],
            total_training_tokens=len(dataset),
            store_batch_size_prompts=rows,
            train_batch_size_tokens=TRAIN_BATCH,
            prepend_bos=False,
            normalize_activations="none",
            device=torch.device("cpu"),
            dtype=asked["dtype"],
        )
        return store

    print("ready", file=out, flush=True)
    before = 0
    store: Iterator[Tensor] = iter(())
    for line in sys.stdin:
        rows, wanted = map(int, line.split())
        if rows != before:
            before, store = rows, store_of(rows)
        taken = 0
        while taken < wanted:
            taken += len(next(store))
        print(taken, file=out, flush=True)


if __name__ == "__main__":
    main()
