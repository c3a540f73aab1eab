"""The target that is served, called as a run calls it, in its thread; what it says and answers."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import orjson
import torch

from neatfool import Experiment, ExperimentError, ImageSpec, Scorer, Scores, open_scorer


@dataclass(frozen=True)
class OutputTensor:
    """A tensor of the answers, [N, K]: ``probabilities`` or ``logits``, float32 or float64."""

    name: str
    dtype: np.dtype

    @property
    def datatype(self) -> str:
        """The protocol's name for the dtype."""
        return f"FP{8 * self.dtype.itemsize}"

    def of(self, scores: Scores) -> np.ndarray:
        """Give its numbers [N, K], all NaN for an image without a score."""
        # JSON has no infinity. A softmax turns the lowest number into zero, as it does that.
        values = scores.probs if self.name == "probabilities" else scores.logits
        given: np.ndarray = np.array(values, self.dtype)
        np.maximum(given, np.finfo(self.dtype).min, out=given)
        given[~np.asarray(scores.ok)] = np.nan
        return given


class InferenceRequest(NamedTuple):
    """What a client wants: its images, its name for it, and the outputs."""

    images: np.ndarray
    id: str | None
    outputs: tuple[OutputTensor, ...]


@dataclass(frozen=True)
class ServedTarget:
    """A target that is served under its experiment's name, called as a run calls it."""

    name: str
    scorer: Scorer
    outputs: tuple[OutputTensor, ...]

    @property
    def spec(self) -> ImageSpec:
        """The target's spec."""
        return self.scorer.spec


def make_served_target(experiment: Experiment) -> ServedTarget:
    """Make the target of an experiment, to score as a run would record it, to the last bit."""
    if not experiment.target.costs:
        scorer = open_scorer(experiment, views=True)
        scorer.spec.require_classifier(experiment.path, "neatfool serve")
        if not scorer.costs:
            return ServedTarget(experiment.name, scorer, outputs_of(scorer))
        scorer.close()
    raise ExperimentError(
        f"{experiment.target.label} is a metered target: it costs something to ask, and only a run "
        "keeps account of it; serve another target, or fool this one where it is"
    )


def outputs_of(scorer: Scorer) -> tuple[OutputTensor, ...]:
    """Score a black image to find out which tensors the target answers with."""
    scores = scorer.score(torch.zeros((1, *scorer.spec.shape), dtype=torch.uint8))
    parts = {"probabilities": scores.probs, "logits": scores.logits}
    return tuple(
        OutputTensor(name, np.dtype(np.float64 if values.dtype == np.float64 else np.float32))
        for name, values in parts.items()
        if values is not None and values.shape == scores.probs.shape
    )


def describe(served: ServedTarget, most: int) -> dict[str, Any]:
    """Write the protocol's model metadata; a request should have ``most`` images at most."""
    spec, classes = served.spec, [*served.spec.classes]
    taken = {"name": "images", "datatype": "UINT8", "shape": [-1, *spec.shape]}
    about = {"classes": classes, "sums_to_one": spec.sums_to_one}
    given = {"shape": [-1, len(classes)], "parameters": about}
    return {
        "name": served.name,
        "platform": "neatfool",
        "versions": ["1"],
        "inputs": [taken | {"parameters": {"max_batch_size": most}}],
        "outputs": [
            {"name": each.name, "datatype": each.datatype, **given} for each in served.outputs
        ],
        "parameters": {"fingerprint": served.scorer.fingerprint},
    }


def write_answer(scores: Scores, request: InferenceRequest, served: ServedTarget) -> bytes:
    """Write the scores of a request's images."""
    tensors = []
    for output in request.outputs:
        values = output.of(scores)
        # float64 keeps each float32 exactly, and orjson writes NaN as null.
        data = values.astype(np.float64).ravel()
        about = {"name": output.name, "datatype": output.datatype, "shape": [*values.shape]}
        tensors.append(about | {"data": data})
    answer: dict[str, Any] = {"model_name": served.name, "model_version": "1", "outputs": tensors}
    if request.id is not None:
        answer["id"] = request.id
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


@dataclass
class _ScoringJob:
    images: torch.Tensor
    scores: Future[Scores] = field(default_factory=Future)


class TargetThread:
    """Makes, asks and closes a target in one thread, because some targets allow no other."""

    def __init__(self, make: Callable[[], ServedTarget]) -> None:
        self._make, self._made = make, Future[ServedTarget]()
        self._orders: queue.SimpleQueue[_ScoringJob | None] = queue.SimpleQueue()
        # The program must be able to end while a call hangs.
        self._thread = Thread(target=self._work, name="neatfool-target", daemon=True)
        self._thread.start()

    def served(self) -> ServedTarget:
        """Wait until the target is made; raise the error if that failed."""
        return self._made.result()

    def submit(self, images: torch.Tensor) -> Future[Scores]:
        """Score uint8 [N, C, H, W]; a future cancelled in time skips them."""
        order = _ScoringJob(images)
        self._orders.put(order)
        return order.scores

    def stop(self, seconds: float) -> bool:
        """Close the target after its call; say whether that took less than ``seconds``."""
        self._orders.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            served = self._make()
        except BaseException as error:  # served() raises it
            self._made.set_exception(error)
            return
        self._made.set_result(served)
        try:
            while together := self._wait():
                self._score(served, together)
        finally:
            served.scorer.close()

    def _wait(self) -> list[_ScoringJob]:
        """Wait for orders to score together, so that fewer batches are padded; none at the end.

        With more images than this, the first order would wait long, and their copy be large.
        """
        together: list[_ScoringJob] = []
        while (
            not (together and self._orders.empty())
            and sum(len(each.images) for each in together) < 512
            and sum(each.images.nbytes for each in together) < 4 * 2**20
        ):
            order = self._orders.get()
            if order is None:
                self._orders.put(None)  # to be found again
                break
            if order.scores.set_running_or_notify_cancel():
                together.append(order)
        return together

    def _score(self, served: ServedTarget, orders: Sequence[_ScoringJob]) -> None:
        """Score orders together; on failure score each alone, so only bad ones fail."""
        try:
            images = [order.images for order in orders]
            scores = served.scorer.score(torch.cat(images) if len(images) > 1 else images[0])
        except Exception as error:
            if len(orders) == 1:
                orders[0].scores.set_exception(error)
            else:
                for order in orders:
                    self._score(served, [order])
            return
        sizes = [len(order.images) for order in orders]
        for order, last in zip(orders, accumulate(sizes), strict=True):
            order.scores.set_result(scores.part(slice(last - len(order.images), last)))
