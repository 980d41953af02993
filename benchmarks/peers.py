"""Other tools in environments of their own: made by pip, run as a process, asked line by line through a pipe.

    python -m benchmarks.peers sae-lens

makes an environment that stays, for the tests that hold us against a peer's own classes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.harness import MALLOC

PINS = {
    "sae-lens": "sae-lens==6.54.12",
    "dictionary-learning": "dictionary-learning==0.1.0",
    "eai-sparsify": "eai-sparsify==1.3.3",
}
SHARED = ("torch", "transformers", "numpy")
"""What peers run on as we do: seen from their environments, and not replaced there."""
UNUSED = ("torchvision", "torchaudio")
"""Brought in by dependencies; builds that do not fit torch's break the import of transformers."""
AS_SHIPPED, TUNED = "as shipped", "tuned"
"""Malloc settings: the system's own, and `MALLOC`."""
ERROR = "error: "
KEPT = Path(__file__).parents[1] / "build" / "peers"
"""Where environments lie that stay, each under the name of its peer."""


def made_python(folder: Path, pin: str) -> Path | None:
    """The interpreter of a peer's environment; None where there is none or another pin made it."""
    made = folder / "pin.txt"
    whole = made.exists() and made.read_text() == pin
    return folder / "bin" / "python" if whole else None


def peer_python(folder: Path, pin: str) -> Path:
    """The interpreter of a peer's environment, which is made where there is none or another pin made it."""
    if (ready := made_python(folder, pin)) is not None:
        return ready
    python, made = folder / "bin" / "python", folder / "pin.txt"
    if not python.exists():
        venv.create(folder, with_pip=True)
    inside = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (inside / "host.pth").write_text(sysconfig.get_path("purelib") + "\n")  # the same torch for both
    constraints = folder / "constraints.txt"
    versions = (f"{name}=={metadata.version(name).partition('+')[0]}" for name in SHARED)
    constraints.write_text("\n".join(versions) + "\n")
    for command in (
        ("install", "--quiet", "--constraint", constraints, pin),
        ("uninstall", "--quiet", "--yes", *UNUSED),
    ):
        subprocess.run([python, "-m", "pip", *command], check=True, stdout=sys.stderr)
    made.write_text(pin)
    return python


def environment(malloc: str) -> dict[str, str]:
    """Environment variables of a process under one of the malloc settings."""
    bare = {name: value for name, value in os.environ.items() if name not in MALLOC}
    return bare | MALLOC if malloc == TUNED else bare


class PeerError(RuntimeError):
    """A process could not do what it was asked."""


class Peer:
    """A process that answers each line with a line.

    It is started with what is asked as one JSON argument, and says `ready` before its first answer. An answer that
    begins with `error: ` says why there is none.
    """

    def __init__(
        self, command: Sequence[str | Path], asked: Mapping[str, Any], *, malloc: str | None = None
    ) -> None:
        """`malloc`: None leaves the environment as it is. Raises `PeerError` where it does not get ready."""
        self._name = Path(command[-1]).name
        self._process = subprocess.Popen(
            [*command, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if malloc is None else environment(malloc),
            text=True,
        )
        try:
            self._answer()
        except PeerError:
            self.close()
            raise

    def ask(self, *words: object) -> str:
        """The answer to a line of words; raises `PeerError` where there is none."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the answer that does not come says it
            print(*words, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Let the process end, and wait for it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(f"{self._name} ended with {self._process.wait()}; what it said stands above")
        if line.startswith(ERROR):
            raise PeerError(f"{self._name}: {line.removeprefix(ERROR).strip()}")
        return line


def main() -> None:
    """Make environments that stay, and print their interpreters."""
    parser = argparse.ArgumentParser(description="Environments of other tools, made to stay.")
    parser.add_argument("peers", nargs="+", choices=PINS, help="whose")
    for peer in parser.parse_args().peers:
        print(peer_python(KEPT / peer, PINS[peer]))


if __name__ == "__main__":
    main()
