"""What comes after the demo: on a terminal the pages, in a script nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import urllib.request
from pathlib import Path

SCRIPT = (
    "import sys; from pathlib import Path; from monosema.cli.demo import browse; browse(Path(sys.argv[1]))"
)


def test_in_a_script_the_demo_ends(finished: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(finished)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


def test_on_a_terminal_it_ends_with_the_pages_open_until_ctrl_c(finished: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(finished)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"Ctrl-C ends it" not in said:
        said += os.read(ours, 4096)
    url = said.decode().split("serving ")[1].split()[0]
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert answer.status == 200
    process.send_signal(2)
    assert process.wait(30) == 0
    os.close(ours)
