"""A generation is scored by an engine's workers.

Workers get genomes, and give scores, in the batches of a run without an engine, taken by index. So
what is recorded does not depend on who works.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np

from neatfool.errors import TargetError, blaming
from neatfool.scoring.batches import Batches, Timed
from neatfool.scoring.plan import part_size
from neatfool.spec.encoding import Encoding
from neatfool.spec.engine import Answer, Engine, Part

SHARE: Final = 16
"""A part for workers is at most this share of what is left, so that all end at one time."""
MOST: Final = 16
"""It has at most so many candidates, so that many workers have work,"""
FEWEST: Final = 4
"""and at least so many, as each part costs a millisecond. It is at least one batch."""


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

    def begin(self) -> None:
        """Begin a generation, with the workers that there are now."""
        self.workers = self._engine.workers

    def write(self, genomes: Sequence[Any]) -> list[Child]:
        """Write genomes, for :meth:`submit` to take in place of their images."""
        with blaming(f"{self._encoding_name}: a genome cannot be written"):
            return [Child(genome, self._encoding.to_bytes(genome)) for genome in genomes]

    def submit(
        self, part: Sequence[Child], *, screen: bool = False, answered: list[int] | None = None
    ) -> list[Future[Timed]]:
        """Have children scored: a part of a generation at once, others a batch at a time."""
        size = self.sizes[screen]
        each = size if answered is None else len(part)
        tasks = [part[start : start + each] for start in range(0, len(part), each)]
        return [self._ask(task, size, answered, screen=screen) for task in tasks]

    def part_sizes(self, generation_size: int) -> Iterator[int]:
        """Choose how many candidates each part has: fewer at a generation's end."""
        return part_sizes_for_workers(generation_size, *self.part_rule)

    def pick(self, found: list[Child]) -> list[Child]:
        """Give some of a generation's children, to be scored."""
        return found

    def saved(self, found: list[Child]) -> Sequence[np.ndarray]:
        """Draw the images of some of a generation's children, to be saved."""
        images = self._encoding.render([child.genome for child in found]).cpu().numpy()
        _note(found, checksums_of(images), self._encoding_name)
        return list(images)

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


def part_sizes_for_workers(
    generation_size: int, batch: int, screening: int, parts: int
) -> Iterator[int]:
    """Choose how many candidates each part of a generation has: fewer at its end."""
    if screening % batch:
        # Batches begin with each part, so the parts are those of a run without an engine.
        yield from repeat(part_size(generation_size, batch, screening, parts))
    batch = screening or batch
    left = math.ceil(generation_size / batch)
    while True:
        count = max(min(left // SHARE, MOST // batch), math.ceil(FEWEST / batch))
        left -= count
        yield count * batch


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
