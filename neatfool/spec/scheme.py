"""Schemes: how the search selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neatfool.spec.archive import Archive
    from neatfool.spec.candidate import Candidate, Replacement
    from neatfool.spec.json import Json
    from neatfool.spec.scores import Scores


class Scheme(Protocol):
    """How the search selects.

    A factory is called as ``factory(options, encoding=encoding, spec=spec, seed=seed)``, and with
    ``target=target`` too if it has a parameter of that name. The framework calls ``ask`` and
    ``tell`` in turn. All randomness comes from ``seed``, the generation and the candidates' ids,
    never from a generator carried along.

    Only what is listed here is needed. A scheme may have more, and the framework then uses it:

    ``self_check() -> None``
        Called before a run begins, and not before it goes on: raise
        :class:`~neatfool.ExperimentError` if there is something that it cannot begin with.
    ``bar() -> np.ndarray``
        float64 [K], the rank that a candidate must exceed in each class for its scores to matter,
        +inf in a class where none can. Candidates that a screening finds to be below it everywhere
        are told with scores that are not ``exact``. A scheme that looks at all scores (to select
        from a population, say) has no bar.

    Attributes:
        archive: The elites.
        batch: How many candidates a generation usually has; the first may have others.
    """

    archive: Archive
    batch: int

    def ask(self) -> Iterable[Candidate]:
        """Breed the next generation.

        Returns:
            The candidates. They may be bred as they are taken: the framework takes some, and
            scores them while it takes more; whom they descend from is settled by then. None says
            that the search is at its end.
        """
        ...

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Take the scores of what ``ask`` gave.

        Args:
            candidates: What ``ask`` gave; in a run's last generation perhaps only its beginning.
            scores: Their checked scores, as numpy arrays; ``ok`` is present.

        Returns:
            The elites that changed, at most one a class.
        """
        ...

    def members(self) -> Sequence[Candidate]:
        """List the candidates that ``state`` refers to, elites of the archive aside."""
        ...

    def state(self) -> Json:
        """Give all that a resumed search needs beside the archive; candidates by their ids."""
        ...

    def restore(self, state: Json, candidates: Mapping[int, Candidate]) -> None:
        """Go on from a state.

        Args:
            state: What ``state`` gave.
            candidates: The candidates of the archive (which is filled already) and those that
                ``members`` listed, by id.
        """
        ...
