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
    never from a generator that is carried along.

    A scheme needs the members below. The framework also uses these, if it has them:

    ``self_check() -> None``
        Called before a run begins, but not before it resumes. Raise
        :class:`~neatfool.ExperimentError` if the scheme cannot begin.
    ``describe() -> str``
        What the search begins with, say; printed when a run starts. Empty if there is nothing to
        say.
    ``bar() -> np.ndarray``
        float64 [K], the rank that a candidate must exceed in a class for its score to matter;
        +inf if none can. A candidate that screening finds below the bar in every class gets
        scores that are not ``exact``. A scheme that uses all scores (to select from a population,
        say) has no ``bar``.

    Attributes:
        archive: The elites.
        batch: The usual number of candidates a generation; the first generation may differ.
    """

    archive: Archive
    batch: int

    def ask(self) -> Iterable[Candidate]:
        """Breed the next generation.

        Returns:
            The candidates; none at all if the search has ended. An iterator may breed them as
            they are taken (the framework scores some while it takes more), but their parents are
            chosen when ``ask`` is called.
        """
        ...

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Take the scores of the candidates that ``ask`` gave.

        Args:
            candidates: Those candidates; in a run's last generation perhaps only the first ones.
            scores: Their checked scores, as numpy arrays; ``ok`` is present.

        Returns:
            The niches that changed hands, at most one a class.
        """
        ...

    def members(self) -> Sequence[Candidate]:
        """List the candidates that ``state`` refers to, apart from the archive's elites."""
        ...

    def state(self) -> Json:
        """Give all that a resumed search needs besides the archive; candidates as ids."""
        ...

    def restore(self, state: Json, candidates: Mapping[int, Candidate]) -> None:
        """Continue from what ``state`` gave.

        Args:
            state: The state.
            candidates: By id, the candidates that ``members`` listed and those of the archive,
                which is filled already.
        """
        ...
