"""A run that can do more than be read: draw its genomes, be scored again, and be reported."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.config.options import check_arguments
from neatfool.errors import TargetError, VerificationError
from neatfool.evolution.assembly import Assembly, assemble, make
from neatfool.experiment.choice import RECORDED, json_sections, read_choice, recorded_by_a_run
from neatfool.experiment.framework import Calls
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import refuse_under_way
from neatfool.run.run import Run
from neatfool.run.statistics import TOLERANCE, Verdict
from neatfool.scoring.drawing import draw, encodings_of
from neatfool.scoring.plan import ScoringPlan
from neatfool.spec.encoding import Encoding

if TYPE_CHECKING:
    from neatfool.scoring.scorer import Scorer


class OpenRun(Run):
    """A run that can draw its genomes, be scored again, and be reported."""

    def __init__(
        self,
        path: Path,
        *,
        assembly: Assembly | None = None,
        trust: bool = False,
        model: Any = None,
    ) -> None:
        """Look at a folder; ``model`` scores in place of the target that its record names."""
        super().__init__(path, trust=trust)
        # Not the assembly, whose target takes memory.
        self._experiment = assembly.experiment if assembly is not None else None
        self._encoding = assembly.encoding if assembly is not None else None
        self._model = model
        self._scorer: Scorer | None = None

    @cached_property
    def encoding(self) -> Encoding[Any]:
        """The run's encoding. Only for a run that is trusted, a Python file is loaded."""
        if self._encoding is not None:
            return self._encoding
        plugins, recorded = PluginManager(), self.experiment
        if recorded["encoding"]["plugin"] not in plugins.names("encoding"):
            from neatfool.experiment.trust import require_trust

            require_trust(self)
            for path in recorded.get("plugins", {}).get("path", ()):
                plugins.load_files(Path(path))
        with recorded_by_a_run():
            choice = read_choice("encoding", json_sections(recorded, RECORDED), plugins)
        encoding: Encoding[Any] = make(choice, spec=self.spec)
        return encoding

    def verify(
        self, model: Any = None, *, tolerance: float = TOLERANCE, max_queries: int | None = None
    ) -> Verdict:
        """Score the saved images again; see :meth:`neatfool.Run.verify`."""
        from neatfool.evolution.verification import verify

        check_arguments(Calls, max_queries=max_queries)
        refuse_under_way(self.path)
        self.refresh()
        with closing(self.make_scorer(model, max_queries=max_queries)) as scorer:
            results = verify(self, scorer)
        if not results:
            raise VerificationError(f"{self.path}: the run has no elites yet to verify")
        return Verdict(tuple(results), tolerance)

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

    def _score(self, genome: Any, model: Any) -> dict[str, float]:
        from neatfool.evolution.verification import use_ledger

        if model is not None:
            self.close()
            self._model = model
        self._scorer = scorer = self._scorer or self.make_scorer()
        with ExitStack() as ending:
            use_ledger(self, scorer, ending)
            drawing = encodings_of(scorer.target, self.encoding)
            name = f"encoding {self.experiment['encoding']['plugin']!r}"
            scores = scorer.score(draw(drawing, [genome], scorer.spec, name))
            if scores.ok is not None and not scores.ok.all():
                raise TargetError(f"{scorer.name}: gave no usable score for the image")
            return dict(zip(scorer.spec.classes, scores.probs[0].tolist(), strict=True))

    def make_scorer(
        self, model: Any = None, *, max_queries: int | None = None, views: bool = True
    ) -> Scorer:
        """Make the run's scorer, with ``model``, the run's own model or the recorded target."""
        model = self._model if model is None else model
        own = self._experiment if model is None else None
        if (experiment := own) is None:
            from neatfool.evolution.verification import experiment_of

            experiment = experiment_of(self, model)
        budget = {"max_queries": max_queries or self.experiment["target"].get("max_queries")}
        experiment = replace(
            experiment,
            calls=experiment.calls.model_copy(update=budget),
            showing=experiment.showing if views else None,
        )
        return assemble(experiment, ScoringPlan.from_json(self.info["scoring"])).scorer
