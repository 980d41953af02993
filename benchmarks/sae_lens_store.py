"""SAELens's activation store as a process that hands out activations when asked; runs in an environment of its own.

    python sae_lens_store.py '{"model": ..., "layer": ..., ...}'

Writes `ready`, then for every line `ROWS N` on standard input takes N activations from a store that gives the model
so many rows at a time, and writes the number that it took. A store is kept until another number of rows is asked for.
For a line `ROWS N SAES` so many of the TopK SAEs that were asked for take a step on each batch, as `SAETrainer.fit` and
`MultiSAETrainer.fit` let them. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import torch
from datasets import Dataset, load_from_disk
from sae_lens.config import LoggingConfig, SAETrainerConfig  # type: ignore[import-not-found]
from sae_lens.load_model import load_model  # type: ignore[import-not-found]
from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig  # type: ignore[import-not-found]
from sae_lens.training.activations_store import ActivationsStore  # type: ignore[import-not-found]
from sae_lens.training.sae_trainer import SAETrainer  # type: ignore[import-not-found]
from torch import Tensor

TRAIN_BATCH = 4096
POSITIONS = 10**9
"""Length of the training that schedules are told of."""


def trainer_of(d_model: int, d_sae: int, k: int) -> Any:
    """A trainer of one TopK SAE at its defaults."""
    config = SAETrainerConfig(
        total_training_samples=POSITIONS,
        train_batch_size_samples=TRAIN_BATCH,
        lr_end=3e-5,
        logger=LoggingConfig(log_to_wandb=False),
    )
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=d_model, d_sae=d_sae, k=k))
    return SAETrainer(cfg=config, sae=sae, data_provider=iter(()))


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

    trainers = [trainer_of(asked["d_model"], **sae) for sae in asked.get("saes", [])]
    print("ready", file=out, flush=True)
    before = 0
    store: Iterator[Tensor] = iter(())
    for line in sys.stdin:
        rows, wanted, *saes = map(int, line.split())
        if rows != before:
            before, store = rows, store_of(rows)
        taken = 0
        while taken < wanted:
            batch = next(store)
            for trainer in trainers[: sum(saes)]:
                trainer.step(batch)
                trainer.n_training_steps += 1
            taken += len(batch)
        print(taken, file=out, flush=True)


if __name__ == "__main__":
    main()
