"""Each check of an engine finds the fault that it is there for."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from neatfool import Engine, Workplace
from neatfool.testing import check_plugin


class OneThread(Engine):
    workers = 1

    def __init__(self):
        self.thread = ThreadPoolExecutor(1)

    def start(self, setup):
        self.place = self.thread.submit(Workplace, setup).result()
        return "one thread"

    def submit(self, part):
        return self.thread.submit(self.place.answer, part)

    def close(self):
        self.thread.shutdown(cancel_futures=True)


def test_a_good_engine_passes():
    check_plugin("engine", OneThread)


def start_blindly(self, setup):
    try:
        return OneThread.start(self, setup)
    except Exception:
        return "one thread"


def start_and_keep(self, setup):
    self.first = None
    return OneThread.start(self, setup)


def repeat_the_first(self, part):
    if self.first is None or len(part.genomes) == 1:
        self.first = OneThread.submit(self, part)
    return self.first


def answer_wrongly(self, part):
    answer = self.place.answer(part)
    probs = answer.scores.probs[:, ::-1]
    done = Future()
    done.set_result(answer._replace(scores=replace(answer.scores, probs=probs)))
    return done


def hide_errors(self, part):
    future = Future()
    try:
        future.set_result(self.place.answer(part))
    except Exception:
        future.set_exception(RuntimeError("a part failed"))
    return future


FAULTS = {
    "workers": ({"workers": 0}, "workers is 0"),
    "words": ({"start": lambda self, setup: OneThread.start(self, setup)[:0]}, "who works"),
    "scores": ({"submit": answer_wrongly}, "not those of the run's own process"),
    "mixed up": ({"start": start_and_keep, "submit": repeat_the_first}, "own"),
    "errors": ({"submit": hide_errors}, "a part that cannot be drawn gave RuntimeError"),
    "target": ({"start": start_blindly}, "start.. accepts a worker"),
    "close": ({"close": lambda self: self.place.close()}, "can be closed before it starts"),
}


@pytest.mark.parametrize(("members", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_said(members, said):
    spoilt = type("Spoilt", (OneThread,), members)
    with pytest.raises(AssertionError, match=said):
        check_plugin("engine", spoilt)
