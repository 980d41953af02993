"""Page faults of a large temporary that is made and freed again and again, counted in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from monosema.allocator import TUNED_BY, keep_freed_memory

TIMES, BYTES = 8, 40 << 20
SCRIPT = f"""
import resource, sys
import torch
from monosema.allocator import keep_freed_memory
if sys.argv[1] == "yes":
    print(keep_freed_memory(), end=" ")
def faults():
    for turn in range({TIMES}):
        torch.zeros(3, {BYTES} // 4).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
first = faults()  # until small blocks have found their places between large ones
print(faults() - first)
"""


def faults(tuned: str, **environment: str) -> tuple[str, int]:
    """What the call said, and faults of the second half of the temporaries."""
    clean = {name: value for name, value in os.environ.items() if name not in TUNED_BY}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tuned],
        env=clean | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    *said, count = done.stdout.split()
    return " ".join(said), int(count)


GLIBC = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="the allocator of another system is left as it is",
)


@GLIBC
def test_freed_memory_is_kept_so_that_temporaries_cost_no_page_faults() -> None:
    pages = TIMES * 3 * BYTES // os.sysconf("SC_PAGESIZE")
    assert faults("no")[1] > pages / 2  # else there is nothing to gain here
    said, kept = faults("yes")
    assert said == "True"
    assert kept < pages / 50


@GLIBC
def test_what_is_kept_is_given_back_though_pieces_stay_between() -> None:
    script = """
import re, torch
from monosema.allocator import give_back_freed_memory, keep_freed_memory
def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) >> 10
keep_freed_memory()
torch.zeros(1)
first = held()
pieces = [(torch.zeros(1 << 22), torch.zeros(1 << 10)) for _ in range(20)]  # 16 MB, and 4 kB that stay
stay = [small for _, small in pieces]
pieces.clear()
kept = held()
give_back_freed_memory()
print(kept - first, held() - first, len(stay))
"""
    clean = {name: value for name, value in os.environ.items() if name not in TUNED_BY}
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean, stdout=subprocess.PIPE, text=True, check=True
    )
    kept, left, _ = map(int, done.stdout.split())
    assert kept > 300
    assert left < 30


def test_what_people_have_set_is_left_alone() -> None:
    assert faults("yes", MALLOC_TRIM_THRESHOLD_="1000000")[0] == "False"


def test_it_is_asked_for_once() -> None:
    assert keep_freed_memory() is keep_freed_memory()
