"""Engines: where a run's images are drawn and scored, if not in the run's own process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from neatfool.files import Json

if TYPE_CHECKING:
    from neatfool.spec.scores import Scores


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a generation, whole batches of it.

    Attributes:
        genomes: The genomes, as their encoding writes them for workers.
        size: Images a call of the target.
        screen: Whether to screen the images; if not, they are scored exactly.
    """

    genomes: Sequence[bytes]
    size: int
    screen: bool


class Answer(NamedTuple):
    """What a part scores: its scores, the CRC-32 of each image, and the target's seconds."""

    scores: Scores
    checksums: Sequence[int]
    seconds: float


@dataclass(frozen=True, eq=False)
class Setup:
    """What a worker makes a run's target and encoding of, and checks them by.

    Attributes:
        experiment: The run's resolved experiment.
        scoring: How the run scores.
        fingerprint: The target's.
        threads: How many threads torch uses where ``scoring`` has no number.
        versions: The versions of what scores and images depend on.
        probes: Some parts, with the answers of the run's own process.
    """

    experiment: dict[str, Json]
    scoring: dict[str, Json]
    fingerprint: str
    threads: int
    versions: dict[str, str]
    probes: Sequence[tuple[Part, Answer]]


class Engine(ABC):
    """Workers in other processes that draw and score the parts of generations.

    A factory is called as ``factory(options)``. A worker makes a :class:`neatfool.Workplace` of
    the setup once, and gives it parts. ``Setup``, ``Part`` and ``Answer`` can be pickled.

    Attributes:
        workers: How many parts are worked on at a time, at least 1.
    """

    workers: int

    @abstractmethod
    def start(self, setup: Setup) -> str:
        """Start, wait for the first worker, and say in a few words who works.

        Raises:
            TargetUnavailable: There is no worker; the run pauses.
            TargetError: No worker answers the probes as the run's own process does.
        """

    @abstractmethod
    def submit(self, part: Part) -> Future[Answer]:
        """Have a part done; if a worker fails or dies, by another.

        The future has what :meth:`neatfool.Workplace.answer` gives or raises, or
        :class:`~neatfool.TargetUnavailable` if no worker is left.
        """

    def progress(self) -> str:
        """Say in a few words what the workers do; empty before they start."""
        return ""

    @abstractmethod
    def close(self) -> None:
        """End all work, also after ``start`` failed."""
