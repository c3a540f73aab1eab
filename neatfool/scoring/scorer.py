"""The scorer: a target made safe and fast, asked in this process or by an engine's workers.

Workers get genomes, and give scores, in the batches of a run without an engine, taken by index. So
what is recorded does not depend on who works.
"""

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch

from neatfool.budget.ledger import Budget, check_allowed
from neatfool.errors import ExperimentError, TargetError, blaming
from neatfool.scoring.batches import Batches, GenerationImages, LocalBatches, Timed
from neatfool.scoring.generation import Generation, Screening
from neatfool.scoring.metering import MeteredBatches
from neatfool.scoring.plan import Plan, part_sizes
from neatfool.spec.encoding import Encoding
from neatfool.spec.engine import Answer, Engine, Part
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.json import Json
from neatfool.spec.scores import Scores
from neatfool.spec.target import Metered, Target


@dataclass(slots=True, eq=False)
class Child:
    """A genome, how it is sent, and the CRC-32 of its image where a worker has drawn it."""

    genome: Any
    sent: bytes
    checksum: int | None = None


class RemoteBatches(Batches):
    """A target's batches, for workers elsewhere; their sizes are those of the run's own process."""

    def __init__(
        self, engine: Engine, own: Batches, encoding: Encoding[Any], encoding_name: str
    ) -> None:
        """Take an engine that was started, and the batches of this process."""
        super().__init__(own.target, own.name, own.plan)
        self.sizes, self.halvings = own.sizes, own.halvings
        self.in_threads = True  # workers score while this process breeds
        self._engine = engine
        self._encoding = encoding
        self._encoding_name = encoding_name

    def begin(self) -> GenerationImages:
        """Begin a generation, and make what takes its children in place of images."""
        self.workers = self._engine.workers
        return _Children(self._encoding, self._encoding_name)

    def write(self, genomes: Sequence[Any]) -> list[Child]:
        """Write genomes, for :meth:`submit` to take in place of their images."""
        with blaming(f"{self._encoding_name}: a genome cannot be written"):
            return [Child(genome, self._encoding.to_bytes(genome)) for genome in genomes]

    def submit(
        self,
        part: Sequence[Child],
        *,
        screen: bool = False,
        first: int = 0,
        answered: list[int] | None = None,
    ) -> list[Future[Timed]]:
        """Have children scored: a part of a generation at once, others a batch at a time."""
        size = self.sizes[screen]
        each = size if answered is None else len(part)
        tasks = [part[start : start + each] for start in range(0, len(part), each)]
        return [self._ask(task, size, answered, screen=screen) for task in tasks]

    def part_sizes(self, generation_size: int) -> Iterator[int]:
        """Choose how many candidates each part has: fewer at a generation's end."""
        return part_sizes(generation_size, replace(self.plan, batch_size=self.sizes[False]))

    def _ask(
        self, children: Sequence[Child], size: int, answered: list[int] | None, *, screen: bool
    ) -> Future[Timed]:
        given = self._engine.submit(Part([child.sent for child in children], size, screen))
        done: Future[Timed] = Future()

        def finish(_: Future[Answer]) -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                scores, checksums, seconds = given.result()
                _note(children, checksums, self._encoding_name)
                if answered is not None:
                    answered.append(len(children) * self.views)
                done.set_result((scores, seconds))
            except BaseException as error:
                done.set_exception(error)

        given.add_done_callback(finish)
        done.add_done_callback(lambda _: done.cancelled() and given.cancel())
        return done


class _Children(GenerationImages):
    """The children of a generation; the images of few are drawn, to be saved."""

    def __init__(self, encoding: Encoding[Any], name: str) -> None:
        super().__init__()
        self._encoding = encoding
        self._name = name

    def pick(self, rows: Sequence[int] | np.ndarray) -> list[Child]:
        return self.find(rows)

    def saved(self, rows: Sequence[int]) -> Sequence[np.ndarray]:
        children = self.find(rows)
        images = self._encoding.render([child.genome for child in children]).cpu().numpy()
        _note(children, checksums_of(images), self._name)
        return list(images)


def checksums_of(images: np.ndarray) -> list[int]:
    """Give the CRC-32 of each of some images."""
    return [zlib.crc32(image.tobytes()) for image in images]


def _note(children: Sequence[Child], checksums: Sequence[int], name: str) -> None:
    """Note the checksums of drawn children; a second drawing must equal the first."""
    for child, checksum in zip(children, checksums, strict=True):
        if child.checksum not in {None, checksum}:
            raise TargetError(
                f"{name}: two machines drew different images of one genome, so what was scored "
                "is not what would be saved. Use machines of one kind with the same versions; "
                "the generations before are kept"
            )
        child.checksum = checksum


class Scorer:
    """Scores any number of images through a target, in checked batches of one size.

    Attributes:
        name: What messages call the target.
        fingerprint: Changes when the target scores differently.
        views: How many views of an image are shown, each of which counts as an image.
        batches: Asks the target, in this process.
        metered: The same, if asking the target costs something; else None.
        remote: What asks an engine's workers for a generation's scores; None without an engine.
        screening: What screening has learnt; None if each image is scored exactly.
    """

    def __init__(
        self,
        target: Target,
        *,
        name: str,
        plan: Plan,
        budget: Budget | None = None,
        fingerprint: str = "",
    ) -> None:
        self.target = target
        self.name = name
        self.fingerprint = fingerprint
        self.plan = plan
        self.metered: MeteredBatches | None = None
        if isinstance(target, Metered):
            self.metered = MeteredBatches(target, name, plan, budget or Budget())
        self.batches: Batches = self.metered or LocalBatches(target, name, plan)
        self.views = self.batches.views
        self.remote: RemoteBatches | None = None
        self.screening = Screening() if plan.screening else None

    @property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that have turned up so far."""
        return self.batches.spec

    @property
    def batch_size(self) -> int:
        """Images a call when they are scored exactly."""
        return self.batches.sizes[False]

    @property
    def costs(self) -> bool:
        """Whether asking the target costs something."""
        return self.metered is not None

    def describe(self) -> str:
        """Say in one line how images are scored: on which device, how many a call."""
        return self.plan.describe()

    def score(self, images: torch.Tensor) -> Scores:
        """Score images exactly.

        Args:
            images: uint8 [N, C, H, W], a tensor or a numpy array. The target gets copies. Or
                [N, views, C, H, W], drawn anew for each view.

        Returns:
            Numpy arrays: probabilities [N, K], logits [N, K] or None, and ``ok`` [N], which is
            False for an image whose scores are not numbers; its row of probabilities is zero.

        Raises:
            ExperimentError: These are not images of the target's spec.
            TargetError: The target raised an exception, or its answer has the wrong type or
                shape or does not hold probabilities.
            BudgetSpent: The budget does not suffice.
        """
        images = torch.as_tensor(images)
        shapes = {self.spec.shape, (self.views, *self.spec.shape)}
        if images.dtype != torch.uint8 or images.shape[1:] not in shapes or not len(images):
            shape, got = ", ".join(map(str, self.spec.shape)), [*images.shape]
            kind = str(images.dtype).removeprefix("torch.")
            fault = f"scores images as uint8 [N, {shape}], N at least 1"
            raise ExperimentError(f"{self.name}: {fault}; got {kind} {got}")
        if self.metered is not None:
            return self.metered.score(images)
        whole = Generation(self.batches, None, None)
        whole.add(images)
        return whole.result()

    def generation(self, bar: np.ndarray | None = None) -> Generation:
        """Start to score a generation.

        Args:
            bar: float64 [K], the rank above which a score matters in each class; None: all matter.
        """
        return Generation(self.remote or self.batches, self.screening, bar)

    def state(self) -> dict[str, Json]:
        """Give what a resumed run needs."""
        screening = self.screening.state() if self.screening is not None else None
        state: dict[str, Json] = {"screening": screening, "halvings": [*self.batches.halvings]}
        if self.metered is not None:
            state["answers"] = self.metered.recorded = self.metered.ledger.count()
        return state

    def restore(self, state: dict[str, Json]) -> None:
        """Restore what :meth:`state` gave."""
        self.batches.restore(state["halvings"])
        if self.metered is not None:
            self.metered.recorded = int(state["answers"])
        if self.screening is not None:
            self.screening.restore(state["screening"])

    def check_allowed(self, images: int, most: int | None) -> None:
        """Refuse to score so many images if each costs something and the user allows fewer.

        Raises:
            BudgetSpent: It costs something, and ``most`` is less than ``images`` or None.
        """
        if self.costs:
            check_allowed(self.name, images, most)

    def __enter__(self) -> Self:
        """Use the scorer in a block of ``with``, at whose end it is closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the target."""
        self.close()

    def close(self) -> None:
        """Close the target, if it can be closed."""
        self.batches.close()
