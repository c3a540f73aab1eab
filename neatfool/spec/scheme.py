"""Schemes: how the search selects, and options that several of them have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from neatfool.files import Json

if TYPE_CHECKING:
    import numpy as np

    from neatfool.spec.archive import Archive, Candidate, Replacement
    from neatfool.spec.scores import Scores


class Scheme(ABC):
    """How the search selects.

    A factory is called as ``factory(options, encoding=encoding, spec=spec, seed=seed)``, and with
    ``target=target`` too if it has a parameter of that name, or ``**named``. The framework calls
    ``ask`` and ``tell`` in turn. All randomness comes from ``seed``, the generation and the
    candidates' ids, never from a generator that is carried along.

    Attributes:
        archive: The elites.
        batch: The usual number of candidates a generation; the first generation may differ.
        waited: The seconds that the last ``ask`` waited for a person; no stage includes them.
    """

    archive: Archive
    batch: int
    waited: float = 0.0

    @abstractmethod
    def ask(self) -> Iterable[Candidate]:
        """Breed the next generation.

        Returns:
            The candidates; none at all if the search has ended. An iterator may breed them as
            they are taken (the framework scores some while it takes more), but their parents are
            chosen when ``ask`` is called.
        """

    @abstractmethod
    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Take the scores of the candidates that ``ask`` gave.

        Args:
            candidates: Those candidates; in a run's last generation perhaps only the first ones.
            scores: Their checked scores, as numpy arrays; ``ok`` is present.

        Returns:
            The niches that changed hands, at most one a class.
        """

    @abstractmethod
    def members(self) -> Sequence[Candidate]:
        """List the candidates that ``state`` refers to, apart from the archive's elites."""

    @abstractmethod
    def state(self) -> Json:
        """Give all that a resumed search needs besides the archive; candidates as ids.

        A population stands under the key ``population``, as pairs of an id and a fitness, where
        :meth:`~neatfool.Run.population` looks for it.
        """

    @abstractmethod
    def restore(self, state: Json, candidates: Mapping[int, Candidate]) -> None:
        """Continue from what ``state`` gave.

        Args:
            state: The state.
            candidates: By id, the candidates that ``members`` listed and those of the archive,
                which is filled already.
        """

    def bar(self) -> np.ndarray | None:
        """Give the ranks to exceed, float64 [K]; None, always, if all scores are used.

        A candidate whose rank is below the bar in every class does not matter: if screening finds
        one, it gets scores that are not ``exact``. The bar is +inf where nothing matters. A scheme
        that selects from a population uses all scores.
        """
        return None

    def self_check(self) -> None:  # noqa: B027 - there may be nothing to check
        """Check that the search can begin; called before a run begins, not before it resumes.

        Raises:
            ExperimentError: It cannot.
        """

    def describe(self) -> str:
        """Say what the search begins with, for instance; printed when a run starts."""
        return ""


class LearningOptions(BaseModel, use_attribute_docstrings=True):
    """Options for a scheme's model to inherit; see :class:`~neatfool.Learner`."""

    learn: float = Field(0.0, ge=0, le=0.9)
    """the share of the images to spend on learning. 0: none"""
    learn_steps: PositiveInt = Field(8, le=1000)
    """steps for each elite that is learnt on"""
    learn_rate: PositiveFloat = 0.3
    """by how many grey levels, about, a step changes the image through each weight"""
    learn_after: NonNegativeFloat = 8.0
    """images for each class to breed before there is any learning: with 1000 classes 8,000"""
    learn_at_once: PositiveInt = Field(4, le=1024)
    """genomes whose gradients one call of the target computes. Fewer need less memory"""
