"""SAELens's own classes at work on what lies in a folder; runs in an environment of its own.

    python lens_classes.py FOLDER

Reads `asked.json` (`theirs`: SAEs to make, by name; `train`: settings of one to train), `x.safetensors` (`x`: positions
[n, d]; `train`: positions to train on) and the SAEs in `ours`. Writes `registered.json` (its architectures), its SAEs
into `theirs/NAME` and `trained`, and beside every SAE of `ours` and `theirs` a `NAME.safetensors` with what its classes
make of x: `f` [n, d_sae] and `x_hat` [n, d], of its own also `added`, the norm that each feature adds to x_hat.
Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from sae_lens import SAE
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.constants import ACTIVATION_SCALER_CFG_FILENAME
from sae_lens.registry import (
    SAE_CLASS_REGISTRY,
    SAE_TRAINING_CLASS_REGISTRY,
    get_sae_class,
    get_sae_training_class,
)
from sae_lens.training.activation_scaler import ActivationScaler
from sae_lens.training.sae_trainer import SAETrainer
from safetensors.torch import load_file, save_file
from torch import Tensor

HEADS = 3


def ran(sae: Any, x: Tensor, scaler: ActivationScaler) -> dict[str, Tensor]:
    """What the SAE makes of raw positions, their heads apart where it wants that."""
    scaled = scaler.scale(x)
    f = sae.encode(scaled.unflatten(1, (HEADS, -1)) if sae.hook_z_reshaping_mode else scaled)
    x_hat = scaler.unscale(sae.decode(f).flatten(1))
    return {"f": f.contiguous(), "x_hat": x_hat.contiguous()}


def added(sae: Any, f: Tensor, scale: float) -> Tensor:
    """Norm of what each feature adds to x_hat [n, d_sae]."""
    by_norm = getattr(sae.cfg, "rescale_acts_by_decoder_norm", False)  # then norms are in f
    return f / scale if by_norm else f * sae.W_dec.norm(dim=1) / scale


def drawn(sae: Any, generator: torch.Generator, *, unit: bool) -> None:
    """Random numbers in place of all weights, thresholds above 0; `unit`: decoder rows of norm 1."""
    state = {
        name: torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        for name, tensor in sae.state_dict().items()
    }
    state["W_enc"] /= sae.cfg.d_in**0.5
    for name in ("threshold", "topk_threshold"):
        if name in state:
            state[name] = state[name].abs()
    if unit:
        state["W_dec"] /= state["W_dec"].norm(dim=1, keepdim=True)
    sae.load_state_dict(state)


def make(asked: dict[str, Any], folder: Path, x: Tensor, seed: int) -> dict[str, Tensor]:
    """Save an SAE as SAELens does, and run what it reads back."""
    settings = dict(asked)
    trains, unit = settings.pop("trains", False), settings.pop("unit", False)
    scale, place = settings.pop("scale", None), settings.pop("place")
    of = get_sae_training_class if trains else get_sae_class
    sae_class, config_class = of(settings.pop("architecture"))
    sae = sae_class(config_class(d_in=x.shape[1], **settings))
    for key, value in place.items():
        sae.cfg.metadata[key] = value
    drawn(sae, torch.Generator().manual_seed(seed), unit=unit)
    scaler = ActivationScaler(scaling_factor=scale)
    if scale is not None:  # a checkpoint of a training
        sae.save_model(folder)
        scaler.save(str(folder / ACTIVATION_SCALER_CFG_FILENAME))
    else:
        sae.save_inference_model(folder) if trains else sae.save_model(folder)
        sae = SAE.load_from_disk(folder)
    found = ran(sae, x, scaler)
    return found | {"added": added(sae, found["f"], scale or 1.0)}


def batches(x: Tensor, size: int) -> Iterator[Tensor]:
    """Shuffled batches of one size, without end."""
    generator = torch.Generator().manual_seed(0)
    while True:
        yield x[torch.randperm(len(x), generator=generator)[:size]]


def train(asked: dict[str, Any], x: Tensor, folder: Path) -> None:
    """Let its trainer train a TopK SAE, and save it as it would."""
    torch.manual_seed(0)
    sae_class, config_class = get_sae_training_class("topk")
    settings = {"d_sae": asked["d_sae"], "k": asked["k"]}
    config = config_class(d_in=x.shape[1], normalize_activations="expected_average_only_in", **settings)
    for key, value in asked["place"].items():
        config.metadata[key] = value
    trainer = SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=asked["steps"] * asked["batch"],
            train_batch_size_samples=asked["batch"],
            lr=1e-3,
            lr_end=1e-4,
            autocast=False,
            device="cpu",
            logger=LoggingConfig(log_to_wandb=False),
        ),
        sae=sae_class(config),
        data_provider=batches(x, asked["batch"]),
    )
    trainer.fit().save_inference_model(folder)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    asked = json.loads((folder / "asked.json").read_text())
    rows = load_file(folder / "x.safetensors")
    registered = [*SAE_CLASS_REGISTRY, *SAE_TRAINING_CLASS_REGISTRY]
    (folder / "registered.json").write_text(json.dumps(registered))
    train(asked["train"], rows["train"], folder / "trained")
    with torch.no_grad():
        for seed, (name, one) in enumerate(asked["theirs"].items()):
            save_file(
                make(one, folder / "theirs" / name, rows["x"], seed),
                folder / "theirs" / f"{name}.safetensors",
            )
        for one in sorted(path for path in (folder / "ours").iterdir() if path.is_dir()):
            found = ran(SAE.load_from_disk(one), rows["x"], ActivationScaler())
            save_file(found, one.with_name(f"{one.name}.safetensors"))


if __name__ == "__main__":
    main()
