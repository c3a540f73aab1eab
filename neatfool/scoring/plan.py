"""The plan of how a run scores: the device, images a call, and screening in half precision.

A run records its plan, and is resumed and verified with it. On a CPU a call uses one core, as its
last bits may depend on that; as many calls at a time use all. Only whether half precision and fused
graphs save time is measured, in processor time, which other programs hardly change.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from pydantic import PositiveInt, TypeAdapter, ValidationError

from neatfool.errors import RunError, TargetError, blaming
from neatfool.files import Json
from neatfool.network.devices import is_out_of_memory, with_cores
from neatfool.network.network import Form, Graph, Network, Precision, in_form
from neatfool.spec.target import Target
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.experiment.framework import CallSettings

_log = logging.getLogger("neatfool.scoring")

LARGEST_AUTOMATIC_BATCH: Final = 256
PARTS: Final = 4
"""A generation is divided into this many parts: one is scored while the next is bred."""
SMALL_IMAGE: Final = 64 * 64
SECONDS_TO_DIVIDE: Final = 0.1
"""A generation that takes one core less is not divided: waiting for Python's lock costs more."""
BATCHES_TO_SCREEN: Final = 2
"""A CPU screens this many exact batches in a call: more take more memory, for little speed."""
HALF_PAYS: Final = 0.75
"""Half precision must take less than this share of the time to be used: at 0.75, late in a run,
when a tenth of the images are confirmed, screening saves a seventh of the time."""
FUSED_LOSES: Final = 1.5
"""A fused graph that takes more than so many times as long as the module itself is not used: oneDNN
has operations that are slower than torch's, spread-out (dilated) convolutions a channel say."""
ROUNDS: Final = 5
"""Calls are timed in turn, so often: what disturbs the machine for a moment disturbs no choice."""


@dataclass(frozen=True)
class ScoringPlan:
    """How a run scores."""

    batch_size: PositiveInt
    """Images a call when scores are recorded."""
    device: str | None = None
    """The kind of device the networks compute on, None for a target without networks."""
    parts: PositiveInt = 1
    """How many parts a generation is scored in."""
    graph: Graph = "eager"
    """How the networks' graphs are treated."""
    screening: Precision | None = None
    """The precision that screens each image first; None: all are scored exactly."""
    screening_batch: int = 0
    """Images a call when screening."""
    cores: int | None = field(default=None, compare=False)
    """Cores to use on a CPU, each by a call of its own; None: all. It changes no score, so it is
    not recorded, and a run can be resumed with any number."""

    @property
    def threads(self) -> int | None:
        """Threads that torch uses in a call, None to leave them as they are."""
        return 1 if self.device == "cpu" else None

    @property
    def workers(self) -> int:
        """Calls at a time, each in its own Python thread."""
        return (self.cores or torch.get_num_threads()) if self.device == "cpu" else 1

    def form(self, *, screen: bool = False) -> Form:
        """Give the form of the networks when scores are recorded, or when screening."""
        return Form(self.screening or "fp32" if screen else "fp32", self.graph)

    @property
    def calls(self) -> list[tuple[Form, int]]:
        """The form and the images of each kind of call."""
        screens = [(self.form(screen=True), self.screening_batch)] if self.screening else []
        return [(self.form(), self.batch_size), *screens]

    def to_json(self) -> dict[str, Json]:
        """Write the plan as a run records it."""
        return {name: value for name, value in asdict(self).items() if name != "cores"}

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> ScoringPlan:
        """Read what a run recorded."""
        try:
            return TypeAdapter(cls).validate_python(dict(record))
        except ValidationError as error:
            fault = "how the run scores is damaged in its record"
            raise RunError(f"{fault}; restore a copy of the run") from error

    def describe(self) -> str:
        """Describe the plan in one line."""
        if self.device is None:
            return f"{self.batch_size} images a call"
        threads = f", {counted(self.workers, 'thread', 'threads')}" if self.threads else ""
        method = "each image in fp32"
        if self.screening:
            method = f"screened in {self.screening}, confirmed in fp32"
        return f"{self.device}{threads}: {method}"


class SpeedTrial:
    """Times a target on noise; a network takes as long for any other image."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def computes(self, form: Form, batch: int) -> bool:
        """Try whether the networks can compute in a form."""
        try:
            with_cores(1, lambda: self._call(form, self._noise(batch)))
        except (Exception, SystemExit) as error:
            # An error of the target itself will show in its own form.
            if is_out_of_memory(error):
                return True  # A smaller batch may fit.
            who, what = type(self._target).__name__, type(error).__name__
            _log.info("%s does not compute in %s: %s: %s", who, form.precision, what, error)
            return False
        return True

    def graph(self, wanted: Graph, batch: int) -> Graph:
        """Give the wanted graph, or ``"frozen"`` if operations cannot be fused."""
        form = Form("fp32", wanted)
        if wanted != "fused" or not self.computes(form, batch):
            return wanted
        became = {graph for network in self._target.networks for graph in network.graphs(form)}
        # If memory ran out, nothing is known.
        return wanted if became <= {wanted} else "frozen"

    def seconds(self, calls: Sequence[tuple[Form, int]]) -> list[float]:
        """Measure what an image costs on one core: seconds of processor time, for each call."""
        images = [self._noise(batch) for _, batch in calls]

        def time_all() -> list[float]:
            pairs = zip(calls, images, strict=True)
            return [self._call(form, each) / batch for (form, batch), each in pairs]

        # The first one also compiles.
        _, *rounds = with_cores(1, lambda: [time_all() for _ in range(1 + ROUNDS)])
        return [min(taken) for taken in zip(*rounds, strict=True)]

    def _call(self, form: Form, images: Any) -> float:
        began = time.thread_time()
        with in_form(self._target.networks, form):
            self._target.score(images)
        return time.thread_time() - began

    def _noise(self, batch: int) -> Any:
        generator = torch.Generator().manual_seed(0)
        shape = (batch, *self._target.spec.shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images if self._target.spec.array == "torch" else images.numpy()


def make_plan(
    target: Target, calls: CallSettings, *, generation_size: int, can_screen: bool
) -> ScoringPlan:
    """Decide how a run scores; networks are tried out, which takes some calls of each."""
    networks = target.networks
    most = min(generation_size, target.batch_size or generation_size)
    if not networks:
        # A target that bounds its batches needs no division among its concurrent calls.
        at_a_time = 1 if target.batch_size is not None else max(1, target.concurrency)
        largest = min(LARGEST_AUTOMATIC_BATCH, target.batch_size or LARGEST_AUTOMATIC_BATCH)
        automatic = automatic_batch_size(math.ceil(generation_size / at_a_time), largest)
        given = _number_or_none(calls.batch_size) or automatic
        return ScoringPlan(min(given, target.batch_size or given))
    trial = SpeedTrial(target)

    def exact_batch(graph: Graph) -> int:
        automatic = exact_batch_size(target, generation_size, graph)
        return _number_or_none(calls.batch_size) or min(automatic, most)

    graph = trial.graph(calls.graph, exact_batch(calls.graph))
    plan = ScoringPlan(
        batch_size=exact_batch(graph),
        device=networks[0].device.type,
        graph=graph,
        cores=_number_or_none(calls.threads),
    )
    size = min(BATCHES_TO_SCREEN * plan.batch_size, most)
    half = _half_precision(networks, calls.precision) if can_screen else None
    half = half if half and trial.computes(Form(half, graph), size) else None
    if plan.device != "cpu":
        return plan_for_gpu(plan, half, generation_size, most)
    if half is not None:
        plan = replace(plan, screening=half, screening_batch=size)
    plan = _measure(plan, trial, generation_size, wanted=calls.precision != "auto")
    # Graphs that were only tried hold the network's weights once more.
    for network in networks if (half, plan.graph) != (plan.screening, calls.graph) else ():
        network.forget()
    if plan.graph == graph:
        return plan
    calls = calls.model_copy(update={"graph": plan.graph})
    return make_plan(target, calls, generation_size=generation_size, can_screen=can_screen)


def reuse_plan(recorded: ScoringPlan, calls: CallSettings) -> ScoringPlan:
    """Use the plan of a run again, on any number of cores."""
    return replace(recorded, cores=_number_or_none(calls.threads))


def _half_precision(networks: Sequence[Network], wanted: str) -> Precision | None:
    if wanted in {"bf16", "fp16"}:
        return cast("Precision", wanted)
    halves = {network.half for network in networks}
    return halves.pop() if wanted == "auto" and len(halves) == 1 else None


def plan_for_gpu(
    plan: ScoringPlan, half: Precision | None, generation_size: int, most: int
) -> ScoringPlan:
    """Screen in half precision, where a GPU is at least twice as fast; nothing is measured."""
    plan = replace(plan, parts=PARTS)
    if half is None:
        return plan
    batch = min(most, part_size(generation_size, plan.batch_size, 0, PARTS))
    return replace(plan, screening=half, screening_batch=batch)


def _measure(
    plan: ScoringPlan, trial: SpeedTrial, generation_size: int, *, wanted: bool
) -> ScoringPlan:
    """Decide whether graphs and screening save time, and whether to divide a generation."""
    fused, unscreened = plan.graph == "fused", replace(plan, screening=None, screening_batch=0)
    try:
        with blaming("the target's score() failed on noise", TargetError):
            seconds = trial.seconds([*plan.calls, *([(Form(), plan.batch_size)] if fused else [])])
    except TargetError as error:
        if is_out_of_memory(error):  # The run itself finds out how many images fit.
            return unscreened
        raise
    if fused and seconds[0] > FUSED_LOSES * seconds.pop():
        return replace(plan, graph="frozen")
    if not wanted and seconds[-1] >= HALF_PAYS * seconds[0]:
        plan = unscreened
    generation = generation_size * seconds[len(plan.calls) - 1]
    return replace(plan, parts=PARTS if generation > SECONDS_TO_DIVIDE else 1)


def _number_or_none(value: int | str) -> int | None:
    return value if isinstance(value, int) else None


def automatic_batch_size(generation_size: int, largest: int = LARGEST_AUTOMATIC_BATCH) -> int:
    """Give the smallest batch that divides a generation into the fewest of at most ``largest``."""
    return math.ceil(generation_size / math.ceil(generation_size / largest))


def exact_batch_size(target: Target, generation_size: int, graph: Graph) -> int:
    """Choose how many images a network scores exactly in a call."""
    # On a CPU small batches are as fast, and need less padding where few images are confirmed. But
    # if operations are not fused, oneDNN's convolutions are slower for fewer than 16 large images.
    on_cpu, spec = target.networks[0].device.type == "cpu", target.spec
    if on_cpu and spec.height * spec.width > SMALL_IMAGE:
        weights = [each for network in target.networks for each in network.module.parameters()]
        of_convolutions = sum(each.numel() for each in weights if each.dim() > 2)
        # Not of a transformer's products.
        convolves = 2 * of_convolutions >= sum(each.numel() for each in weights)
        return min(16 if graph in {"eager", "frozen"} and convolves else 2, generation_size)
    return automatic_batch_size(math.ceil(generation_size / PARTS), 32 if on_cpu else 64)


def part_size(generation_size: int, batch: int, screening: int, parts: int) -> int:
    """Choose how many candidates, in whole batches, are scored while the next are made."""
    if screening and screening % batch == 0:
        batch = screening
    batches = math.ceil(generation_size / batch)
    return math.ceil(batches / parts) * batch
