"""Weights into memory: whole or up to a layer, with an adapter merged in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM

from monosema.errors import UsageError
from monosema.models.quiet import first_line, memory, quiet


def truncated(config: Any, layers: int) -> Any:
    """The configuration with its first layers only, lists of one entry a layer shortened too."""
    text = config.get_text_config()
    whole = text.num_hidden_layers
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == whole:
            setattr(text, name, value[:layers])
    text.num_hidden_layers = layers
    return config


def load_network(
    folder: Path,
    config: Any,
    *,
    dtype: torch.dtype,
    place: torch.device,
    whole: bool,
    device_map: str | None,
    adapter: Path | None,
) -> nn.Module:
    """The network on its device, in evaluation mode, without its head unless `whole`.

    Raises `UsageError` where the weights cannot be read or the adapter does not fit, `ResourceError` where memory
    runs out.
    """
    options: dict[str, Any] = {"config": config, "dtype": dtype}
    if device_map is not None:
        options["device_map"] = device_map
    # an adapter names modules from the head's side
    loader = AutoModelForCausalLM if whole or adapter is not None else AutoModel
    with memory(f"out of memory while loading {folder.name}; use a smaller model or dtype"), quiet():
        network = _read(loader, folder, options)
        if adapter is not None:
            network = _adapted(network, adapter)
            network = network if whole else network.base_model
        if device_map is None:
            network = network.to(place)
    return network.eval()


def _read(loader: Any, folder: Path, options: dict[str, Any]) -> Any:
    try:
        return loader.from_pretrained(folder, use_safetensors=True, trust_remote_code=False, **options)
    except (MemoryError, RuntimeError) as error:
        with memory(f"out of memory while loading {folder.name}; use a smaller model or dtype"):
            raise
    except Exception as error:  # readers of weights and of quantised kinds raise many
        raise UsageError(f"the model in {folder} cannot be loaded ({first_line(error)})") from None


def _adapted(network: nn.Module, adapter: Path) -> Any:
    try:
        from peft import PeftModel
    except ImportError:
        raise UsageError('adapters need peft; install it with: pip install "monosema[adapters]"') from None
