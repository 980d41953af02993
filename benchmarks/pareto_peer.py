"""SAELens trains one SAE on given activations, with its own trainer and defaults; runs in an environment of its own.

    python pareto_peer.py '{"kind": ..., "settings": {...}, "data": ..., "out": ..., "steps": ..., "batch": ..., ...}'

Imports nothing of ours. The length of training and the batch are those of ours; its learning rate, schedules and
normalisation are its own, with the warm-ups that its documentation proposes, as a share of this length.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from sae_lens.config import LoggingConfig, SAETrainerConfig  # type: ignore[import-not-found]
from sae_lens.registry import get_sae_training_class  # type: ignore[import-not-found]
from sae_lens.training.sae_trainer import SAETrainer  # type: ignore[import-not-found]
from safetensors.torch import load_file
from torch import Tensor

WARM_UP = 0.05
DECAY = 0.2
NAMES = {"l1": "standard", "matryoshka": "matryoshka_batchtopk"}


def batches(x: Tensor, size: int, seed: int) -> Iterator[Tensor]:
    """Shuffled batches of one size, without end."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(x), generator=generator).split(size):
            if len(rows) == size:
                yield x[rows]


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked.get("threads", 2))
    torch.manual_seed(asked["seed"])
    x, steps, batch = load_file(asked["data"])["x"], asked["steps"], asked["batch"]
    sae_class, config_class = get_sae_training_class(NAMES.get(asked["kind"], asked["kind"]))
    settings = asked["settings"]
    for key in ("l1", "l0"):
        if f"{key}_coefficient" in settings:
            settings[f"{key}_warm_up_steps"] = round(WARM_UP * steps)
    if asked["kind"] == "matryoshka":
        settings["matryoshka_widths"] = [asked["d_sae"] >> halvings for halvings in (4, 3, 2, 1)]
    config = config_class(
        d_in=x.shape[1],
        d_sae=asked["d_sae"],
        normalize_activations="expected_average_only_in",
        **settings,
    )
    config.metadata.hook_name, config.metadata.model_name = asked["hook"], "smollm2"
    config.metadata.sae_lens_version = "6.54.12"
    lr = 1e-3 if "k" in settings else 4e-4
    trainer = SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=steps * batch,
            train_batch_size_samples=batch,
            lr=lr,
            lr_end=lr / 10,
            lr_warm_up_steps=round(WARM_UP * steps),
            lr_decay_steps=round(DECAY * steps),
            autocast=False,
            device="cpu",
            logger=LoggingConfig(log_to_wandb=False),
        ),
        sae=sae_class(config),
        data_provider=batches(x, batch, asked["seed"]),
    )
    trainer.fit().save_inference_model(Path(asked["out"]))


if __name__ == "__main__":
    main()
