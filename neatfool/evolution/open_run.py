"""What a run can do besides being read: draw its genomes, be scored again, and be reported.

A search makes one and uses little of it, so what only a reader needs is imported there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.run.run import Run
from neatfool.run.statistics import TOLERANCE
from neatfool.spec.encoding import Encoding

if TYPE_CHECKING:
    from neatfool.evolution.assembly import Assembly
    from neatfool.run.verdict import Verdict
    from neatfool.scoring.scorer import Scorer


class OpenRun(Run):
    """A run that can also draw genomes, and be scored and reported."""

    def __init__(
        self,
        path: Path,
        assembly: Assembly | None = None,
        *,
        model: Any = None,
        encoding: Callable[..., Any] | None = None,
        trust: bool = False,
    ) -> None:
        """Take what the run was assembled of, or what scores and draws in place of its record's."""
        super().__init__(path, trust=trust)
        # Not the assembly, whose target takes memory.
        self._experiment = assembly.experiment if assembly is not None else None
        if assembly is not None:
            self.encoding = assembly.encoding
        self._model, self._factory = model, encoding
        self._scorer: Scorer | None = None

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The run's encoding. Only for a run that is trusted, a Python file is loaded."""
        from neatfool.evolution.recorded_parts import encoding_of

        return encoding_of(self, self._factory)

    def require_activations(self) -> None:
        """Raise a PluginError if an activation's plugin is absent; nothing is loaded."""
        from neatfool.evolution.recorded_parts import check_activations

        check_activations(self)

    def verify(
        self, model: Any = None, *, tolerance: float = TOLERANCE, max_queries: int | None = None
    ) -> Verdict:
        """Score the saved images again; see :meth:`neatfool.Run.verify`."""
        from neatfool.evolution.verification import give_verdict

        return give_verdict(
            self, lambda: self.make_scorer(model, max_queries=max_queries), tolerance
        )

    def report(self) -> Path:
        """Write the run's page; see :meth:`neatfool.Run.report`."""
        from neatfool.present.saving import write_report

        return write_report(self)

    def close(self) -> None:
        """Close the database and the target; the next use opens them again."""
        super().close()
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    def score(self, genome: Any, model: Any = None) -> dict[str, float]:
        """Score a genome as the run did; see :meth:`neatfool.Run.score`."""
        from neatfool.evolution.verification import score_genome

        genome = self.fit(genome)
        if model is not None:
            self.close()
            self._model = model
        self._scorer = self._scorer or self.make_scorer()
        return score_genome(self, self._scorer, genome)

    def make_scorer(
        self, model: Any = None, *, max_queries: int | None = None, views: bool = True
    ) -> Scorer:
        """Make the run's scorer, with ``model``, the run's own model or the recorded target."""
        from neatfool.evolution.recorded_parts import scorer_of

        model = self._model if model is None else model
        experiment = self._experiment if model is None else None
        return scorer_of(self, experiment, model, max_queries=max_queries, views=views)
