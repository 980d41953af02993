"""Who waits for a model: in fair turns, bounded, and only as long as somebody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from monosema.errors import UsageError
from monosema.server import worker as worker_module
from monosema.server.errors import BusyError, GoneError, LateError
from monosema.server.pool import MOST_MODELS, Pool
from monosema.server.presence import Presence
from monosema.server.worker import LONGEST_RETRY, WAITING, Job, Turns, Worker

MODEL = "a model"


class Held:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, model: str, job: Job[str]) -> str:
        self.begun.set()
        while not self.go.wait(0.001):
            job.check()
        return model


@pytest.fixture
def worker() -> Worker[str]:
    return Worker(lambda: MODEL)


def busy(worker: Worker[str]) -> Held:
    held = Held()
    worker.put("somebody", held)
    held.begun.wait()
    return held


def test_clients_take_turns_and_each_ones_requests_keep_their_order() -> None:
    turns: Turns[str] = Turns()
    for one in ["a1", "a2", "a3", "b1", "a4", "c1", "b2"]:
        turns.put(one[0], one)
    assert [turns.take() for _ in range(2)] == ["a1", "b1"]
    turns.put("d", "d1")
    assert list(turns) == ["c1", "a2", "a3", "a4", "b2", "d1"]
    assert [turns.take() for _ in range(len(turns))] == ["c1", "a2", "b2", "d1", "a3", "a4"]
    assert len(turns) == 0


def test_the_last_one_of_who_has_most_gives_way_and_the_only_one_of_nobody() -> None:
    turns: Turns[str] = Turns()
    for one in ["a1", "b1", "c1", "a2", "b2"]:
        turns.put(one[0], one)
    assert [turns.drop_of_most() for _ in range(3)] == ["b2", "a2", None]
    assert [turns.take() for _ in range(len(turns))] == ["a1", "b1", "c1"]


def test_one_who_leaves_the_line_leaves_the_others_in_theirs() -> None:
    turns: Turns[str] = Turns()
    for one in ["a1", "a2", "b1"]:
        turns.put(one[0], one)
    assert turns.drop("a", "a1")
    assert not turns.drop("a", "a1")
    assert not turns.drop("c", "c1")
    assert [turns.take(), turns.take()] == ["a2", "b1"]


def test_work_is_done_one_at_a_time_in_turns_with_one_model(worker: Worker[str]) -> None:
    held, done = busy(worker), list[str]()

    def work(name: str) -> Callable[[str, Any], None]:
        return lambda model, job: done.append(f"{name} {model} {threading.current_thread().name}")

    jobs = [worker.put(name[0], work(name)) for name in ["a1", "a2", "b1"]]
    held.go.set()
    for job in jobs:
        job.result()
    assert done == [f"{name} {MODEL} model" for name in ["a1", "b1", "a2"]]
    assert worker.idle


def test_the_one_too_many_is_refused_with_the_time_to_ask_again(worker: Worker[str]) -> None:
    held = busy(worker)
    jobs = [worker.put(str(client), lambda model, job: model) for client in range(WAITING)]
    with pytest.raises(BusyError, match=f"{WAITING} requests wait") as refused:
        worker.put("one more", lambda model, job: model)
    assert 1 <= refused.value.retry_after <= LONGEST_RETRY
    held.go.set()
    assert [job.result() for job in jobs] == [MODEL] * WAITING


def test_a_full_line_gives_way_to_clients_that_have_none_in_it(worker: Worker[str]) -> None:
    held, others = busy(worker), 3

    def work(model: str, job: Job[str]) -> str:
        return model

    many = [worker.put("a", work) for _ in range(WAITING)]
    few = [worker.put(str(client), work) for client in range(others)]
    for job in many[-others:]:
        with pytest.raises(BusyError, match=f"{WAITING} requests wait"):
            job.result()
    for client in ("a", "0"):
        with pytest.raises(BusyError):
            worker.put(client, work)
    assert worker.waiting == WAITING
    held.go.set()
    assert [job.result() for job in [*many[:-others], *few]] == [MODEL] * WAITING


def test_what_waits_for_a_client_that_goes_is_never_begun(worker: Worker[str]) -> None:
    held, begun, presence = busy(worker), list[str](), Presence()
    job = worker.put("a", lambda model, job: begun.append(model))
    presence.when_gone(job.cancel)
    presence.leave()
    assert worker.waiting == 0
    with pytest.raises(GoneError):
        job.result()
    held.go.set()
    after = worker.put("b", lambda model, job: model)
    assert after.result() == MODEL
    assert not begun


def test_work_for_a_client_that_goes_ends_at_its_next_token(worker: Worker[str]) -> None:
    held = Held()
    job = worker.put("a", held)
    held.begun.wait()
    job.cancel()
    with pytest.raises(GoneError):
        job.result()
    assert worker.put("b", lambda model, job: model).result() == MODEL


def test_a_client_that_had_gone_before_it_was_watched_is_told_at_once() -> None:
    presence, told = Presence(), list[str]()
    presence.leave()
    presence.when_gone(lambda: told.append("gone"))
    assert told == ["gone"]


def test_work_that_takes_too_long_ends_at_its_next_token(
    worker: Worker[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "WORK_SECONDS", 0.0)
    with pytest.raises(LateError):
        worker.put("a", Held()).result()


def test_loading_the_model_is_no_work_of_the_one_who_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "WORK_SECONDS", 0.5)

    def load() -> str:
        time.sleep(0.6)
        return MODEL

    def work(model: str, job: Job[str]) -> str:
        job.check()
        return model

    assert Worker(load).put("a", work).result() == MODEL


def test_a_wait_that_takes_too_long_is_refused(worker: Worker[str], monkeypatch: pytest.MonkeyPatch) -> None:
    held = busy(worker)
    monkeypatch.setattr(worker_module, "WAIT_SECONDS", 0.0)
    with pytest.raises(BusyError, match="for others"):
        worker.put("a", lambda model, job: model).result()
    assert worker.waiting == 0
    held.go.set()


def test_a_model_that_cannot_be_loaded_fails_each_who_asks_and_is_tried_again() -> None:
    tries = []

    def load() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise UsageError("no such model")
        return MODEL

    worker = Worker(load)
    for _ in range(2):
        with pytest.raises(UsageError, match="no such model"):
            worker.put("a", lambda model, job: model).result()
    assert worker.put("a", lambda model, job: model).result() == MODEL


def test_the_model_that_was_asked_for_longest_ago_goes_before_a_new_one_comes() -> None:
    pool, living, most = Pool[Held](), set[int](), []

    class Model(Held):
        def __init__(self) -> None:
            living.add(id(self))
            most.append(len(living))

        def __del__(self) -> None:
            living.discard(id(self))

    def ask(name: str, key: str = "") -> int:
        return pool.put(name, key, Model, "a", lambda model, job: id(model)).result()

    first, second = ask("first"), ask("second")
    assert ask("first") == first
    ask("third")
    assert pool.held == MOST_MODELS
    assert ask("first") == first
    assert living >= {first}
    ask("first", "made anew")
    assert max(most) == MOST_MODELS
    assert second != first
    pool.leave()


def test_a_model_more_than_may_be_held_is_refused_while_the_others_are_at_work() -> None:
    pool = Pool[str]()
    held = [Held() for _ in range(MOST_MODELS)]
    for number, one in enumerate(held):
        pool.put(number, "", lambda: MODEL, "a", one)
        one.begun.wait()
    with pytest.raises(BusyError, match="other models"):
        pool.put("another", "", lambda: MODEL, "a", lambda model, job: model)
    jobs = [pool.put(number, "", lambda: MODEL, "a", lambda model, job: model) for number in range(2)]
    assert pool.waiting == 2
    pool.leave()
    for job in jobs:
        with pytest.raises(GoneError):
            job.result()
