"""The target that is served, called as a run calls it, in its thread; what it says and answers."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import torch

from neatfool import Experiment, ExperimentError, ImageSpec, Scorer, Scores, open_scorer

VERSION: Final = "1"
"""A model has only one version."""
DURATIONS: Final = (
    *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit"),
)
"""What is timed, by the protocol's names, ``success`` and ``fail`` from a request's header on."""


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
    """What a client wants: its images, its name for it, and each output, in bytes or in JSON."""

    images: np.ndarray
    id: str | None
    outputs: tuple[tuple[OutputTensor, bool], ...]


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


def describe(served: ServedTarget, most: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the protocol's model metadata, and what applies of Triton's model configuration.

    A request should have ``most`` images at most.
    """
    spec, classes = served.spec, [*served.spec.classes]
    about = {"classes": classes, "sums_to_one": spec.sums_to_one}
    named = {"name": served.name, "platform": "neatfool"}
    taken = {"name": "images", "datatype": "UINT8", "shape": [-1, *spec.shape]}
    given = [{"name": each.name, "datatype": each.datatype} for each in served.outputs]
    metadata = {
        **named,
        "versions": [VERSION],
        "inputs": [taken | {"parameters": {"max_batch_size": most}}],
        "outputs": [each | {"shape": [-1, len(classes)], "parameters": about} for each in given],
        "parameters": {"fingerprint": served.scorer.fingerprint},
    }
    configuration = {
        **named,
        "backend": "neatfool",
        "max_batch_size": most,
        "input": [{"name": "images", "data_type": "TYPE_UINT8", "dims": [*spec.shape]}],
        "output": [
            {"name": each.name, "data_type": f"TYPE_{each.datatype}", "dims": [len(classes)]}
            for each in served.outputs
        ],
    }
    return metadata, configuration


def write_answer(
    scores: Scores, request: InferenceRequest, served: ServedTarget
) -> tuple[bytes, int | None]:
    """Write the scores of a request's images: the body, and its JSON's length if more follows."""
    tensors: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for output, binary in request.outputs:
        values = output.of(scores)
        tensor: dict[str, Any] = {"name": output.name, "datatype": output.datatype}
        tensor["shape"] = [*values.shape]
        if binary:
            raw.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            # float64 keeps each float32 exactly, and orjson writes NaN as null.
            tensor["data"] = values.astype(np.float64).ravel()
        tensors.append(tensor)
    answer: dict[str, Any] = {"model_name": served.name, "model_version": VERSION}
    if request.id is not None:
        answer["id"] = request.id
    text = orjson.dumps(answer | {"outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([text, *raw]), len(text) if raw else None


@dataclass
class ServiceStatistics:
    """What was asked and answered so far."""

    images: int = 0
    """Images in answered requests."""
    calls: int = 0
    """Calls of the target, each for all waiting requests."""
    last: int = 0
    """When the last request came, in milliseconds since 1970."""
    durations: dict[str, dict[str, int]] = field(
        default_factory=lambda: {name: {"count": 0, "ns": 0} for name in DURATIONS}
    )
    """How often each of them was, and how many nanoseconds that took in all."""

    def add(self, name: str, began: int, ended: int | None = None) -> None:
        """Add a time span by ``time.perf_counter_ns``, which ends now by default."""
        self.durations[name]["count"] += 1
        self.durations[name]["ns"] += (ended or time.perf_counter_ns()) - began


@dataclass
class _ScoringJob:
    images: torch.Tensor
    scores: Future[Scores] = field(default_factory=Future)
    came: int = field(default_factory=time.perf_counter_ns)


class TargetThread:
    """Makes, asks and closes a target in one thread, because some targets allow no other."""

    def __init__(self, make: Callable[[], ServedTarget]) -> None:
        self.statistics = ServiceStatistics()
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
        going_on = True
        try:
            while going_on:
                together: list[_ScoringJob] = []
                # Waiting requests are scored together, so that fewer batches are padded; with more
                # images than this, the first request would wait long, and their copy be large.
                while (
                    sum(len(each.images) for each in together) < 512
                    and sum(each.images.nbytes for each in together) < 4 * 2**20
                ):
                    order = self._orders.get()
                    if order is None:
                        going_on = False
                        break
                    if order.scores.set_running_or_notify_cancel():
                        together.append(order)
                    if self._orders.empty():
                        break
                if together:
                    self._score(served, together)
        finally:
            served.scorer.close()

    def _score(self, served: ServedTarget, orders: Sequence[_ScoringJob]) -> None:
        """Score orders together; on failure score each alone, so only bad ones fail."""
        began = time.perf_counter_ns()
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
        ended, first = time.perf_counter_ns(), 0
        self.statistics.calls += 1
        for order in orders:
            last = first + len(order.images)
            self.statistics.add("queue", order.came, began)
            self.statistics.add("compute_infer", began, ended)
            order.scores.set_result(scores.part(slice(first, last)))
            first = last
