"""SAELens's activation store as a process that hands out activations when asked; runs in an environment of its own.

    python sae_lens_store.py '{"model": ..., "layer": ..., ...}'

Writes `ready`, then for every line `ROWS N` on standard input takes N activations from a store that gives the model
so many rows at a time, and writes the number that it took. A store is kept until another number of rows is asked for.
For a line `ROWS N SAES` so many of the TopK SAEs that were asked for take a step on each batch, as `SAETrainer.fit` and
`MultiSAETrainer.fit` let them. For a line `fit FILE` it trains the TopK SAE that the JSON in FILE asks for, saves it
and writes the seconds that this took from text. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
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


def fitted(wish: dict[str, Any], d_model: int, store_of: Callable[[int, int], Iterator[Tensor]]) -> float:
    """Seconds of training an SAE from text with `SAETrainer.fit`; `trainer`: settings beside the length and batch."""
    batch = wish["batch"]
    steps = wish["positions"] // batch
    config = SAETrainerConfig(
        total_training_samples=steps * batch,
        train_batch_size_samples=batch,
        lr_warm_up_steps=round(wish["lr_warmup"] * steps),
        lr_decay_steps=round(wish["lr_decay"] * steps),
        logger=LoggingConfig(log_to_wandb=False),
        **wish["trainer"],
    )
    torch.manual_seed(0)
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=d_model, **wish["sae"]))
    sae.cfg.metadata.hook_name = wish["hook"]
    trainer = SAETrainer(cfg=config, sae=sae, data_provider=store_of(wish["rows"], batch))
    start = time.perf_counter()
    trained = trainer.fit()
    seconds = time.perf_counter() - start
    trained.save_inference_model(Path(wish["out"]))
    return seconds


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

    def store_of(rows: int, batch: int = TRAIN_BATCH) -> Iterator[Tensor]:
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
            train_batch_size_tokens=batch,
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
        if line.startswith("fit "):
            wish = json.loads(Path(line[4:].strip()).read_text())
            print(fitted(wish, asked["d_model"], store_of), file=out, flush=True)
            continue
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
