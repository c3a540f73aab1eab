"""The checks pass an engine that keeps its contract, and fail those that break it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from neatfool import Engine, Workplace
from neatfool.testing import check_plugin, examine_plugin


class Threads(Engine):
    """Works in a thread of the run's own process."""

    def __init__(self):
        self.workers, self.place, self.pool = 1, None, ThreadPoolExecutor(1)

    def start(self, setup):
        self.place = Workplace(setup)
        return "a thread"

    def submit(self, part):
        return self.pool.submit(self.place.answer, part)

    def progress(self):
        return "at work" if self.place else ""

    def close(self):
        self.pool.shutdown()
        if self.place:
            self.place.close()


def test_a_good_engine_keeps_its_contract():
    check_plugin("engine", Threads)


class Swaps(Threads):
    def submit(self, part):
        """Give each part the answer of the one before."""
        self.last, given = part, getattr(self, "last", part)
        return super().submit(given)


class AnswersOnce(Threads):
    def submit(self, part):
        """Remember all parts, and answer the first of them whatever comes later."""
        self.parts = [*getattr(self, "parts", []), part]
        return super().submit(self.parts[1] if self.parts.count(part) > 1 else part)


class TakesAnyTarget(Threads):
    def start(self, setup):
        try:
            return super().start(setup)
        except Exception:
            return "somebody"


class HidesErrors(Threads):
    def submit(self, part):
        try:
            answer = self.place.answer(part)
        except Exception:
            answer = None
        future = Future()
        future.set_result(answer)
        return future


class Idle(Threads):
    def __init__(self):
        super().__init__()
        self.workers = 0


class Chatty(Threads):
    def progress(self):
        return "hello"


@pytest.mark.parametrize(
    ("engine", "failing"),
    [
        (Swaps, "answers are those of the runs process"),
        (AnswersOnce, "answers are those of the runs process"),
        (TakesAnyTarget, "refuses another target"),
        (HidesErrors, "passes on what fails"),
        (Idle, "tells of its workers"),
        (Chatty, "closes before it starts"),
    ],
)
def test_an_engine_that_breaks_its_contract_fails(engine, failing):
    results = examine_plugin("engine", engine)
    assert failing in [result.name for result in results if not result.passed]
