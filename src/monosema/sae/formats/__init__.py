"""Formats of SAEs on disk, one file each; a new format is one file and one row here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from monosema.errors import UsageError
from monosema.files import digest_file, digest_json
from monosema.sae.config import SAEConfig
from monosema.sae.formats import gemma_scope, monosema, saelens, saelens_write
from monosema.sae.formats.format import Format

FORMATS: Final[dict[str, Format]] = {
    "monosema": Format(
        files=(monosema.RECORD, monosema.TENSORS),
        config=monosema.config,
        read=monosema.read,
        write=monosema.write,
    ),
    "saelens": Format(
        files=saelens.FILES,
        config=saelens.config,
        read=saelens.read,
        write=saelens_write.write,
    ),
    "gemma_scope": Format(files=(gemma_scope.TENSORS,), config=gemma_scope.config, read=gemma_scope.read),
}


def recognise(path: Path) -> tuple[str, Path]:
    """Format and folder of the SAE at `path`, a folder or a file in it; raise `UsageError` where there is none."""
    if not path.exists():
        raise UsageError(f"{path} does not exist; expected a folder with an SAE")
    folder = path if path.is_dir() else path.parent
    for name, row in FORMATS.items():
        if (folder / row.files[0]).is_file():
            return name, folder
    known = ", ".join(f"{row.files[0]} ({name})" for name, row in FORMATS.items())
    raise UsageError(f"{folder} holds no SAE of a format that is read here; expected one of {known}")


def config_of(path: Path, hook: str | None = None) -> SAEConfig:
    """What the SAE at `path` is, its tensors not read; errors as those of `Format` and `recognise`."""
    name, folder = recognise(path)
    return FORMATS[name].config(folder, hook)


def digest_of(path: Path) -> str:
    """BLAKE2 of the files of the SAE at `path`, and of their names."""
    name, folder = recognise(path)
    files = [folder / file for file in FORMATS[name].files]
    return digest_json({file.name: digest_file(file) for file in files if file.is_file()})


__all__ = ["FORMATS", "Format", "config_of", "digest_of", "recognise"]
