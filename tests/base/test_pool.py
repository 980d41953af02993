"""Tasks shared out among processes: each done once, errors and deaths named, nobody left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from base.workers import Write, act, not_opened, opened
from monosema.errors import ActivationError, Interrupted, ResourceError, UsageError
from monosema.pool import Crew, run_tasks


class Heard:
    """Units that were told; wishes to stop once so many are reached."""

    def __init__(self, stop_at: int = 10**6) -> None:
        self.units, self.stop_at = 0, stop_at

    def update(self, n: int, **figures: float) -> None:
        self.units += n
        if self.units >= self.stop_at:
            raise Interrupted("stopped")


def written(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def nobody_left() -> None:
    yield
    assert not active_children()


def test_each_task_is_done_once_and_its_progress_is_told(tmp_path: Path) -> None:
    heard = Heard()
    run_tasks([Write(tmp_path, n) for n in range(20)], act, Crew(3, opened), heard)
    assert heard.units == 60
    found = [(tmp_path / str(n)).read_text() for n in range(20)]
    assert all(re.fullmatch(r"worker [012] of 3, pid \d+", text) for text in found)
    assert len({text.rpartition(" ")[2] for text in found} & {str(os.getpid())}) == 0


def test_ctrl_c_does_not_reach_workers(tmp_path: Path) -> None:
    run_tasks([Write(tmp_path, n, "interrupted") for n in range(4)], act, Crew(2, opened), Heard())
    assert written(tmp_path) == set(range(4))


FIRST = """\
import signal
from pathlib import Path
from base.workers import Write, act, opened
from monosema.pool import Crew, run_tasks
from monosema.progress import SilentProgress
if __name__ == "__main__":
    run_tasks([Write(Path("."), n, "interrupted") for n in range(2)], act, Crew(2, opened), SilentProgress())
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_the_first_workers_of_a_process_do_not_hear_it_either(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(FIRST)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "first.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_there_are_no_more_workers_than_tasks(tmp_path: Path) -> None:
    run_tasks([Write(tmp_path, 0)], act, Crew(5, opened), Heard())
    assert (tmp_path / "0").read_text().startswith("worker 0 of 1")
    run_tasks([], act, Crew(5, opened), Heard())


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ("wrong", ActivationError, r"^activations of file 1 are NaN"),
        ("unsendable", RuntimeError, r"^UnsendableError: no way"),
        (
            "dies",
            ResourceError,
            r"^a worker process ended by SIGKILL while it made file 1; often memory ran out",
        ),
        ("leaves", ResourceError, r"^a worker process ended with exit code 3 while it made file 1; a script"),
    ],
)
def test_what_a_task_meets_is_raised_here(tmp_path: Path, how: str, kind: type[Exception], said: str) -> None:
    tasks = [Write(tmp_path, 0), Write(tmp_path, 1, how), *(Write(tmp_path, n, "stays") for n in range(2, 9))]
    with pytest.raises(kind, match=said) as caught:
        run_tasks(tasks, act, Crew(2, opened), Heard())
    assert caught.type is kind
    assert "\n" not in str(caught.value)
    assert written(tmp_path) < set(range(9))


def test_an_error_brings_the_traceback_of_its_worker_for_whoever_debugs(tmp_path: Path) -> None:
    with pytest.raises(ActivationError) as caught:
        run_tasks([Write(tmp_path, n, "wrong") for n in range(2)], act, Crew(2, opened), Heard())
    assert "in act" in caught.value.__notes__[0]


def test_a_worker_that_cannot_open_what_it_needs_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^the model is not here; get it"):
        run_tasks([Write(tmp_path, n) for n in range(3)], act, Crew(2, not_opened), Heard())
    assert not written(tmp_path)


def test_a_wish_to_stop_ends_the_workers_and_what_is_finished_stays(tmp_path: Path) -> None:
    tasks = [Write(tmp_path, 0), Write(tmp_path, 1), *(Write(tmp_path, n, "stays") for n in range(2, 9))]
    with pytest.raises(Interrupted):
        run_tasks(tasks, act, Crew(2, opened), Heard(stop_at=9))
    assert {0, 1} < written(tmp_path)


PARENT = """\
import sys
from pathlib import Path
from base.workers import Write, act, opened
from monosema.pool import Crew, run_tasks
from monosema.progress import SilentProgress
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run_tasks([Write(folder, n, "stays") for n in range(2)], act, Crew(2, opened), SilentProgress())
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc whether a process is there")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "out").mkdir()
    path = os.pathsep.join(sys.path)
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "out")]
    parent = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    while len(pids := [file.read_text() for file in (tmp_path / "out").iterdir()]) < 2 or not all(pids):
        assert parent.poll() is None
        time.sleep(0.01)
    workers = [int(text.rpartition(" ")[2]) for text in pids]
    assert all(map(alive, workers))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while any(map(alive, workers)):
        time.sleep(0.01)
