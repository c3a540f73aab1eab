"""How a run is to score is decided: the device, images a call, and screening in half precision.

Rules decide, from the experiment and the network. On a CPU a call uses one core, as a network's
scores may depend on the number of cores in their last bits, and a thread that waits for others is
slow on a busy machine. All cores are used by as many calls at a time, which changes no score.

Only whether half precision saves time is measured, in processor time, which other programs hardly
change.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.errors import ExperimentError, NeatfoolError, TargetError, cause, option
from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import Form, Graph, Network, Precision, in_form
from neatfool.network.threads import with_cores
from neatfool.scoring.plan import Plan, part_size
from neatfool.scoring.workers import devices_of
from neatfool.spec.target import Metered

if TYPE_CHECKING:
    from neatfool.experiment.framework import Calls
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.scoring")

LARGEST_AUTOMATIC_BATCH: Final = 256
PARTS: Final = 4
"""A generation is divided into this many parts: one is scored while the next is bred."""
SECONDS_TO_DIVIDE: Final = 0.1
"""A generation that takes one core less is not divided: waiting for Python's lock costs more."""
SMALL_IMAGE: Final = 64 * 64
BATCHES_TO_SCREEN: Final = 2
"""A CPU screens this many exact batches in a call: more take more memory, for little speed."""
HALF_PAYS: Final = 0.75
"""Half precision must take less than this share of the time to be used: at 0.75, late in a run,
when a tenth of the images are confirmed, screening saves a seventh of the time."""
ROUNDS: Final = 5
"""Calls are timed in turn, so often: what disturbs the machine for a moment disturbs no choice."""


class SpeedTrial:
    """Times a target on noise; a network takes as long for any other image."""

    def __init__(self, target: Target, networks: Sequence[Network]) -> None:
        self._target = target
        self._networks = networks
        self._tried: set[tuple[Form, int]] = set()

    def computes(self, form: Form, batch: int) -> bool:
        """Try whether the networks can compute in a form."""
        self._tried.add((form, batch))
        try:
            with_cores(1, lambda: self._call(form, self._noise(batch)))
        except Exception as error:  # an error of the target itself will show in its own form
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
        became = {graph for network in self._networks for graph in network.graphs(form)}
        # If memory ran out, nothing is known.
        return wanted if became <= {wanted} else "frozen"

    def seconds(self, calls: Sequence[tuple[Form, int]]) -> list[float]:
        """Measure what an image costs on one core: seconds of processor time, for each call."""
        self._tried.update(calls)
        images = [self._noise(batch) for _, batch in calls]

        def time_all() -> list[float]:
            return [
                self._call(form, each) / batch
                for (form, batch), each in zip(calls, images, strict=True)
            ]

        with_cores(1, time_all)  # The first one also compiles.
        rounds = with_cores(1, lambda: [time_all() for _ in range(ROUNDS)])
        return [min(taken) for taken in zip(*rounds, strict=True)]

    def forget_all_but(self, *used: tuple[Form, int]) -> None:
        """Free the graphs that were only tried: each holds the network's weights once more."""
        for form, batch in self._tried.difference(used):
            for network in self._networks:
                network.forget_graphs(form, batch)

    def _call(self, form: Form, images: Any) -> float:
        """Call the target, and give the processor time that this thread took."""
        began = time.thread_time()
        with in_form(self._networks, form):
            self._target.score(images)
        return time.thread_time() - began

    def _noise(self, batch: int) -> Any:
        generator = torch.Generator().manual_seed(0)
        shape = (batch, *self._target.spec.shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images if self._target.spec.array == "torch" else images.numpy()


def automatic_batch_size(generation_size: int, largest: int = LARGEST_AUTOMATIC_BATCH) -> int:
    """Give the smallest batch that divides a generation into the fewest batches of at most largest.

    ``generation_size`` is at least 1.
    """
    return math.ceil(generation_size / math.ceil(generation_size / largest))


def make_plan(
    target: Target, calls: Calls, *, name: str, generation_size: int, can_screen: bool
) -> Plan:
    """Decide how a run scores; networks are tried out, which takes some calls of each.

    Args:
        target: The target.
        calls: What the experiment says about calls.
        name: What messages call the target.
        generation_size: Candidates a generation.
        can_screen: Whether the scheme says what is worth an exact score.

    Raises:
        ExperimentError: The target has no use for an option.
    """
    networks = target.networks
    _refuse_a_budget(calls, target, name)
    if not networks:
        return _plan_without_networks(target, calls, name, generation_size)
    trial = SpeedTrial(target, networks)

    def exact_batch(graph: Graph) -> int:
        automatic = _exact_batch(target.spec, networks, generation_size, graph)
        return _number_or_none(calls.batch_size) or _at_most(target, automatic)

    graph = trial.graph(calls.graph, exact_batch(calls.graph))
    plan = Plan(
        batch_size=exact_batch(graph),
        device=networks[0].device.type,
        graph=graph,
        cores=_number_or_none(calls.threads),
    )
    most = _at_most(target, generation_size)
    size = min(BATCHES_TO_SCREEN * plan.batch_size, most)
    half = _half_precision(networks, calls.precision, name) if can_screen else None
    if half is not None and not trial.computes(Form(half, graph), size):
        half = None
    if plan.device != "cpu":
        return _plan_for_gpu(plan, half, generation_size, devices_of(networks), most)
    if half is not None:
        plan = replace(plan, screening=half, screening_batch=size)
    plan = _measure(plan, trial, generation_size, name, wanted=calls.precision != "auto")
    trial.forget_all_but(*plan.calls)
    return plan


def take_up(recorded: Plan, target: Target, calls: Calls, *, name: str) -> Plan:
    """Use the plan of a run again, and warn if its graphs cannot be made here.

    No other graph computes the same last bits.
    """
    _refuse_a_budget(calls, target, name)
    trial = SpeedTrial(target, target.networks)
    if recorded.device == "cpu" and (
        recorded.graph != trial.graph(recorded.graph, recorded.batch_size)
    ):
        _log.warning(
            "%s: the run fused its networks' operations, which fails here (another version of "
            "torch?); scores may differ in their last bits",
            name,
        )
    return replace(recorded, cores=_number_or_none(calls.threads))


def _exact_batch(
    spec: ImageSpec, networks: Sequence[Network], generation_size: int, graph: Graph
) -> int:
    """Choose the size of an exact batch, without measuring.

    On a CPU small batches are as fast as large ones, and need less padding where few images are
    confirmed. But if operations are not fused, oneDNN uses slower float32 convolutions for fewer
    than 16 large images.
    """
    on_cpu = networks[0].device.type == "cpu"
    if on_cpu and spec.height * spec.width > SMALL_IMAGE:
        unfused = graph in {"eager", "frozen"}
        return min(16 if unfused and _convolve(networks) else 2, generation_size)
    return automatic_batch_size(math.ceil(generation_size / PARTS), 32 if on_cpu else 64)


def _convolve(networks: Sequence[Network]) -> bool:
    """Tell whether most weights are of convolutions, and not of a transformer's products."""
    weights = [each for network in networks for each in network.module.parameters()]
    of_convolutions = sum(each.numel() for each in weights if each.dim() > 2)
    return 2 * of_convolutions >= sum(each.numel() for each in weights)


def _half_precision(networks: Sequence[Network], wanted: str, name: str) -> Precision | None:
    """Choose the precision to screen in; None if none is usable or wanted."""
    if wanted == "fp32":
        return None
    halves = {network.half for network in networks}
    usable = halves.pop() if len(halves) == 1 else None
    if wanted == "auto":
        return usable
    if wanted == "fp16" and networks[0].device.type == "cpu":
        raise ExperimentError(
            f"{option('target', 'precision')} = fp16: {name} computes on the CPU, where fp16 is "
            "slow; use bf16 or auto"
        )
    return "fp16" if wanted == "fp16" else "bf16"


def _at_most(target: Target, size: int) -> int:
    """Bound a batch by what the target takes in a call."""
    return min(size, target.batch_size or size)


def _plan_for_gpu(
    plan: Plan, half: Precision | None, generation_size: int, devices: int, most: int
) -> Plan:
    """Screen in half precision, where a GPU is at least twice as fast; nothing is measured."""
    plan = replace(plan, parts=PARTS)
    if half is None:
        return plan
    batch = min(most, math.ceil(part_size(generation_size, plan) / devices))
    return replace(plan, screening=half, screening_batch=batch)


def _measure(
    plan: Plan, trial: SpeedTrial, generation_size: int, name: str, *, wanted: bool
) -> Plan:
    """Decide whether screening saves time, and whether a generation is worth dividing.

    If memory runs out, nothing is screened, and the run itself finds out how many images fit.
    """
    try:
        seconds = trial.seconds(plan.calls)
    except NeatfoolError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return replace(plan, screening=None, screening_batch=0)
        raise TargetError(
            f"{name}: score() failed while its speed was measured: {cause(error)}"
        ) from error
    if not wanted and seconds[-1] >= HALF_PAYS * seconds[0]:
        plan = replace(plan, screening=None, screening_batch=0)
    generation = generation_size * seconds[len(plan.calls) - 1]
    return replace(plan, parts=PARTS if generation > SECONDS_TO_DIVIDE else 1)


def _number_or_none(value: int | str) -> int | None:
    return value if isinstance(value, int) else None


def _refuse_a_budget(calls: Calls, target: Target, name: str) -> None:
    if isinstance(target, Metered):
        return
    for key in ("max_queries", "max_requests"):
        if getattr(calls, key) is not None:
            raise ExperimentError(
                f"{option('target', key)}: {name} costs nothing to ask (it has no `meter`); limit "
                f"the run by {option('experiment', 'images')}"
            )


def _plan_without_networks(target: Target, calls: Calls, name: str, generation_size: int) -> Plan:
    for key, ordinary in (("precision", "auto"), ("threads", "auto"), ("graph", "fused")):
        value = getattr(calls, key)
        if value != ordinary:
            raise ExperimentError(
                f"{option('target', key)} = {value}: {name} does not say which networks it scores "
                "with (`networks`), so neatfool cannot change how they run; leave the key out"
            )
    # A target that bounds its batches needs no division among its concurrent calls.
    at_a_time = 1 if target.batch_size is not None else max(1, target.concurrency)
    largest = _at_most(target, LARGEST_AUTOMATIC_BATCH)
    automatic = automatic_batch_size(math.ceil(generation_size / at_a_time), largest)
    return Plan(_at_most(target, _number_or_none(calls.batch_size) or automatic))
