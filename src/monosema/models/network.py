"""Weights into memory: whole or up to a layer, with an adapter merged in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM

from monosema.errors import UsageError
from monosema.models.quiet import first_line, memory, out_of_memory, quiet


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
    quantised = getattr(options["config"], "quantization_config", None)
    method = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
    what = f"the model in {folder} is quantised ({method}) and" if quantised else f"the model in {folder}"
    try:
        network, info = loader.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, output_loading_info=True, **options
        )
    except Exception as error:  # readers of weights and of quantised kinds raise many
        if out_of_memory(error):
            raise
        raise UsageError(f"{what} cannot be loaded here ({first_line(error)})") from None
    if quantised and getattr(network, "hf_quantizer", None) is None:
        raise UsageError(f"{what} cannot be loaded here: transformers knows no such kind")
    if info["missing_keys"]:  # transformers would make them up at random
        raise UsageError(f"{what} lacks the weights {min(info['missing_keys'])}; get it again")
    return network


def _adapted(network: nn.Module, adapter: Path) -> Any:
    """The network with an adapter's weights merged in; the parts of the adapter for layers not loaded are left."""
    try:
        from peft import PeftModel
    except ImportError:
        raise UsageError('adapters need peft; install it with: pip install "monosema[adapters]"') from None
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            merged = PeftModel.from_pretrained(network, str(adapter)).merge_and_unload()
    except Exception as error:  # PEFT raises many kinds, AttributeError for adapters that cannot be merged
        if out_of_memory(error):
            raise
        raise UsageError(
            f"adapter {adapter.name} cannot be merged into the model ({first_line(error)})"
        ) from None
    if any("missing adapter keys" in str(warning.message) for warning in said):
        raise UsageError(
            f"adapter {adapter.name} was made for another model: it lacks weights that this one needs"
        )
    return merged
