"""A toy target that costs something to ask, and that counts for itself what it was asked."""

from pathlib import Path
from threading import Lock

import numpy as np
from searches import toy_assembly

from neatfool import ImageSpec, Labels, Target, TargetUnavailable
from neatfool.experiment.framework import CallSettings
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyTarget


class PaidToy(Target):
    """Answers as ToyTarget does, from several threads.

    Attributes:
        asked: The images of each call that it answered, or would not.
        wrong: Called with the number of the call; what it raises is raised instead of an answer.
    """

    batch_size = 7
    concurrency = 3

    def __init__(self, *, wrong=lambda call: None, log: Path | None = None, spec=None):
        self._toy = ToyTarget() if spec is None else ToyTarget(spec)
        self.spec = self._toy.spec
        self.asked: list[np.ndarray] = []
        self.wrong = wrong
        self.closed = False
        self._log = log
        self._lock = Lock()
        self._ledger = None

    def meter(self, ledger):
        self._ledger = ledger

    def score(self, images):
        number = self._ledger.debit(len(images))
        with self._lock:
            self.asked.append(images)
            if self._log is not None:
                with self._log.open("ab") as log:
                    log.write(b"." * len(images))
            call = len(self.asked)
        self.wrong(call)
        self._ledger.settle(number, "answered")
        return self.answer(images)

    def answer(self, images):
        return self._toy.score(images)

    def close(self):
        self.closed = True

    @property
    def queries(self):
        return sum(len(images) for images in self.asked)


class TopTwo(PaidToy):
    """Names the best two classes of each image, and does not say beforehand which there are."""

    def __init__(self, **more):
        super().__init__(**more)
        self.names = self.spec.classes
        self.spec = ImageSpec(4, 4, 1, (), sums_to_one=False, open=True)

    def answer(self, images):
        best = [np.argsort(row)[-2:] for row in self._toy.score(images).probs]
        probs = self._toy.score(images).probs
        return Labels(
            [
                {self.names[number]: float(row[number]) for number in numbers}
                for row, numbers in zip(probs, best, strict=True)
            ]
        )


def gone(call):
    raise TargetUnavailable("nobody answers")


def paid_assembly(target, *, queries=None, requests=None, generations=6, **more):
    batch_size = min(20, target.batch_size)
    calls = CallSettings(max_queries=queries, max_requests=requests)
    scorer = Scorer(target, name="target 'paid'", plan=ScoringPlan(batch_size), budget=calls.budget)
    return toy_assembly(generations, target=target, scorer=scorer, calls=calls, **more)
