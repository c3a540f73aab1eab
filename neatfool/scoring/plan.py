"""The plan of how a run scores: the device, images a call, and screening in half precision.

No stopwatch changes what a run records. The size of an exact batch and the form of a network follow
from the experiment and the network alone; so an image's exact score always has the same bits.
Measurements decide only what saves time: screening, and the number of threads. A run records its
plan, and is resumed and verified with it.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.errors import ExperimentError, NeatfoolError, TargetError, cause
from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import Form, Network
from neatfool.scoring.measurements import NOISY, MeasurementCache
from neatfool.scoring.metering import is_metered
from neatfool.scoring.speed_trial import SpeedTrial, Way
from neatfool.scoring.workers import devices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.experiment.framework import Calls
    from neatfool.network.network import Graph, Precision
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.json import Json
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.scoring")

LARGEST_AUTOMATIC_BATCH: Final = 256
PARTS: Final = 4
"""A generation is divided into this many parts: one is scored while the next is bred."""
SECONDS_TO_DIVIDE: Final = 0.05
"""A generation that takes less is not divided: waiting for Python's lock would cost more."""
SMALL_IMAGE: Final = 64 * 64
MOST_BATCHES: Final = 2
"""A CPU screens at most this many exact batches of large images in a call: more take a hundred
megabytes, and are no faster."""
GAIN_OF_A_THREAD: Final = 1.2
"""More threads must be this much faster to be used: idle cores are good for breeding."""
LEAST_WORTH: Final = 0.1
"""Screening must pay even if this share of the images is confirmed; else it is not used."""


@dataclass(frozen=True)
class Plan:
    """How a run scores.

    Attributes:
        batch_size: Images a call when scores are recorded.
        device: The kind of device the networks compute on, None for a target without networks.
        threads: Threads that torch uses in a call, None to leave them as they are.
        workers: Calls at a time, each in its own Python thread.
        parts: How many parts a generation is scored in.
        graph: How the networks' graphs are treated.
        screening: The precision that screens each image first; None: all are scored exactly.
        screening_batch: Images a call when screening.
        worth: Screening saves time while less than this share of the images is confirmed.
        speeds: Measured images a second, by precision.
        noise: How noisy the measurement was; see :meth:`SpeedTrial.compare`.
        measurement: Its key; see :func:`forget_measurement`.
    """

    batch_size: int
    device: str | None = None
    threads: int | None = None
    workers: int = 1
    parts: int = 1
    graph: Graph = "eager"
    screening: Precision | None = None
    screening_batch: int = 0
    worth: float = 0.0
    speeds: dict[str, float] = field(default_factory=dict)
    noise: float = 0.0
    measurement: str = ""

    @property
    def cores(self) -> int:
        """How many cores the networks compute on, on a CPU."""
        return (self.threads or torch.get_num_threads()) * self.workers

    @property
    def exact(self) -> Form:
        """The form of the networks when scores are recorded."""
        return Form("fp32", self.graph)

    @property
    def screen(self) -> Form:
        """The form of the networks when screening."""
        assert self.screening is not None
        return Form(self.screening, self.graph)

    @property
    def calls(self) -> list[tuple[Form, int]]:
        """The form and the images of each kind of call."""
        screens = [(self.screen, self.screening_batch)] if self.screening else []
        return [(self.exact, self.batch_size), *screens]

    def to_json(self) -> dict[str, Json]:
        """Write the plan as a run records it."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Plan:
        """Read what a run recorded."""
        return cls(**{each.name: record[each.name] for each in fields(cls) if each.name in record})

    def describe(self) -> str:
        """Describe the plan in one line."""
        if self.device is None:
            return f"{self.batch_size} images a call"
        threads = f", {self.cores} thread{'s' * (self.cores != 1)}" if self.threads else ""
        how = "each image in fp32"
        if self.screening:
            how = f"screened in {self.screening}, confirmed in fp32"
        speeds = [f"{name} {speed:,.0f} images/s" for name, speed in self.speeds.items()]
        busy = self.noise > NOISY and "; the machine was busy, so later runs measure again"
        measured = f" ({', '.join(speeds)}{busy or ''})" if speeds else ""
        return f"{self.device}{threads}: {how}{measured}"


def networks_of(target: Any) -> list[Network]:
    """List the networks that a target says it scores with."""
    found = getattr(target, "networks", ())
    return [each for each in found if isinstance(each, Network)]


def automatic_batch_size(generation_size: int, largest: int = LARGEST_AUTOMATIC_BATCH) -> int:
    """Give the smallest batch that divides a generation into the fewest batches of at most largest.

    ``generation_size`` is at least 1.
    """
    return math.ceil(generation_size / math.ceil(generation_size / largest))


def part_size(generation_size: int, plan: Plan) -> int:
    """Choose how many candidates, in whole batches, are scored while the next are made."""
    batch, screening = plan.batch_size, plan.screening_batch
    if screening and screening % batch == 0:
        batch = screening
    batches = math.ceil(generation_size / batch)
    return math.ceil(batches / plan.parts) * batch


def make_plan(
    target: Target,
    calls: Calls,
    *,
    name: str,
    fingerprint: str,
    generation_size: int,
    can_screen: bool,
    recorded: Plan | None = None,
) -> Plan:
    """Decide how a run scores. The first time on a machine it takes a second or two.

    Args:
        target: The target.
        calls: What the experiment says about calls.
        name: What messages call the target.
        fingerprint: The target's; measurements are kept by it.
        generation_size: Candidates a generation.
        can_screen: Whether the scheme says what is worth an exact score.
        recorded: The plan of a run that is resumed, which is used again.

    Raises:
        ExperimentError: The target has no use for an option.
    """
    networks = networks_of(target)
    _refuse_a_budget(calls, target, name)
    if recorded is not None:
        _warn_of_another_graph(recorded, SpeedTrial(target, networks), name)
        return recorded
    if not networks:
        _refuse_options(calls, name)
        # A target that bounds its batches needs no division among its concurrent calls.
        says_size = getattr(target, "batch_size", None) is not None
        at_a_time = 1 if says_size else max(1, getattr(target, "concurrency", 1))
        largest = _at_most(target, LARGEST_AUTOMATIC_BATCH)
        automatic = automatic_batch_size(math.ceil(generation_size / at_a_time), largest)
        return Plan(_at_most(target, _number_or_none(calls.batch_size) or automatic))
    device = networks[0].device.type
    trial = SpeedTrial(target, networks)

    def exact_batch(graph: Graph) -> int:
        automatic = _exact_batch(target.spec, networks, generation_size, graph)
        return _number_or_none(calls.batch_size) or _at_most(target, automatic)

    graph = trial.graph(calls.graph, exact_batch(calls.graph))
    plan = Plan(
        batch_size=exact_batch(graph),
        device=device,
        threads=_number_or_none(calls.threads),
        graph=graph,
    )
    half = _half_precision(networks, calls.precision, name) if can_screen else None

    def half_that_works() -> Precision | None:
        works = half and trial.computes(Form(half, plan.graph), plan.batch_size)
        return half if works else None

    most = _at_most(target, generation_size)
    if device != "cpu":
        return _plan_for_gpu(plan, half_that_works(), generation_size, devices_of(networks), most)
    if target.spec.height * target.spec.width > SMALL_IMAGE:
        most = min(most, MOST_BATCHES * plan.batch_size)
    depends_on = (target.spec.shape, plan, generation_size, half, most)
    cache = MeasurementCache([fingerprint, *map(repr, depends_on)])

    def measure() -> dict[str, Json]:
        return _measure(plan, generation_size, half_that_works(), trial, most).to_json()

    measured = _try_to_measure(lambda: cache.get_or_make(measure), name)
    if measured is None:
        return plan
    made = replace(Plan.from_json(measured), measurement=cache.key)
    made = _drop_slow_screening(made, calls)
    trial.forget_all_but(*made.calls)
    return made


def _try_to_measure(measure: Callable[[], dict[str, Json]], name: str) -> dict[str, Json] | None:
    """Measure; None if memory runs out, as the run itself finds out how many images fit."""
    try:
        return measure()
    except NeatfoolError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return None
        raise TargetError(
            f"{name}: score() failed while its speed was measured: {cause(error)}"
        ) from error


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
            f"[target] precision = fp16: {name} computes on the CPU, where fp16 is slow; use bf16 "
            "or auto"
        )
    return "fp16" if wanted == "fp16" else "bf16"


def _at_most(target: Target, size: int) -> int:
    """Bound a batch by what the target takes in a call."""
    return min(size, getattr(target, "batch_size", None) or size)


def _plan_for_gpu(
    plan: Plan, half: Precision | None, generation_size: int, devices: int, most: int
) -> Plan:
    """Screen in half precision, where a GPU is at least twice as fast; nothing is measured."""
    plan = replace(plan, parts=PARTS)
    if half is None:
        return plan
    batch = min(most, math.ceil(part_size(generation_size, plan) / devices))
    return replace(plan, screening=half, screening_batch=batch, worth=0.5)


def _measure(
    plan: Plan, generation_size: int, half: Precision | None, trial: SpeedTrial, most: int
) -> Plan:
    """Time the ways to use the cores and the sizes of screening batches."""
    fast = Form(half, plan.graph) if half else plan.exact
    ways, noise = trial.compare([Way(fast, plan.batch_size, *each) for each in _ways(plan.threads)])
    best = next(iter(ways))
    for way, speed in ways.items():
        if speed > GAIN_OF_A_THREAD * ways[best]:
            best = way
    parts = PARTS if generation_size / ways[best] > SECONDS_TO_DIVIDE else 1
    plan = replace(plan, threads=best.threads, workers=best.workers, parts=parts)
    if half is None:
        return replace(plan, speeds={"fp32": round(ways[best], 1)}, noise=round(noise, 3))
    exact_batches = part_size(generation_size, plan) / best.workers / plan.batch_size
    largest = min(most, math.ceil(exact_batches) * plan.batch_size)
    sizes = {plan.batch_size, *(n for n in (2 * plan.batch_size, largest) if n <= largest)}
    exact, *screens = (
        best._replace(form=form, batch=size)
        for form, size in [(plan.exact, plan.batch_size), *((fast, size) for size in sorted(sizes))]
    )
    speeds, more = trial.compare([exact, *screens])
    screen = max(screens, key=speeds.__getitem__)
    return replace(
        plan,
        screening=half,
        screening_batch=screen.batch,
        worth=round(max(1.0 - speeds[exact] / speeds[screen], 0.0), 3),
        speeds={"fp32": round(speeds[exact], 1), half: round(speeds[screen], 1)},
        noise=round(max(noise, more), 3),
    )


def _ways(threads: int | None) -> list[tuple[int, int]]:
    """List the ways to use the cores: (threads of a call, calls at a time)."""
    cores = threads or torch.get_num_threads()
    return list(dict.fromkeys([(1, 1), (1, cores), (cores, 1)][threads is not None :]))


def _drop_slow_screening(plan: Plan, calls: Calls) -> Plan:
    """Leave screening out if it hardly saves time and nobody asked for it."""
    if plan.worth < LEAST_WORTH and calls.precision == "auto":
        return replace(plan, screening=None, screening_batch=0, worth=0.0)
    return plan


def _warn_of_another_graph(recorded: Plan, trial: SpeedTrial, name: str) -> None:
    """Warn if a run's graphs cannot be made here: no other graph computes the same last bits."""
    if recorded.device == "cpu" and (
        recorded.graph != trial.graph(recorded.graph, recorded.batch_size)
    ):
        _log.warning(
            "%s: the run fused its networks' operations, which fails here (another version of "
            "torch?); scores may differ in their last bits",
            name,
        )


def _number_or_none(value: int | str) -> int | None:
    return value if isinstance(value, int) else None


def _refuse_a_budget(calls: Calls, target: Any, name: str) -> None:
    if is_metered(target):
        return
    for key in ("max_queries", "max_requests"):
        if getattr(calls, key) is not None:
            raise ExperimentError(
                f"[target] {key}: {name} costs nothing to ask (it has no `meter`); limit the run "
                "by [experiment] images"
            )


def _refuse_options(calls: Calls, name: str) -> None:
    """Refuse the options of networks for a target without networks."""
    for key, ordinary in (("precision", "auto"), ("threads", "auto"), ("graph", "fused")):
        value = getattr(calls, key)
        if value != ordinary:
            raise ExperimentError(
                f"[target] {key} = {value}: {name} does not say which networks it scores with "
                "(`networks`), so neatfool cannot change how they run; leave the key out"
            )
