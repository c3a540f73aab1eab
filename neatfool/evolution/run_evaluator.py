"""What a run can do besides being read: draw its genomes, be scored again, and be reported."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.config.options import check_arguments
from neatfool.errors import TargetError, VerificationError
from neatfool.evolution.assembly import Assembly, assemble, make
from neatfool.experiment.framework import CallSettings
from neatfool.experiment.plugin_choice import (
    RECORDED,
    json_sections,
    read_choice,
    recorded_by_a_run,
)
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import refuse_under_way
from neatfool.run.run import Run
from neatfool.scoring.drawing import draw, encodings_of
from neatfool.scoring.plan import ScoringPlan
from neatfool.spec.encoding import Encoding

if TYPE_CHECKING:
    from neatfool.run.verdict import Verdict
    from neatfool.scoring.scorer import Scorer


class RunEvaluator:
    """Draws the genomes of one run, and scores them again."""

    def __init__(self, assembly: Assembly | None = None, *, model: Any = None) -> None:
        """Take what the run was assembled of, or what scores in place of its recorded target."""
        # Not the assembly, whose target takes memory.
        self._experiment = assembly.experiment if assembly is not None else None
        self._encoding = assembly.encoding if assembly is not None else None
        self._model = model
        self._scorer: Scorer | None = None

    def load_encoding(self, run: Run) -> Encoding[Any]:
        """Load the run's encoding. Only for a run that is trusted, a Python file is loaded."""
        if self._encoding is not None:
            return self._encoding
        plugins, recorded = PluginManager(), run.experiment
        if recorded["encoding"]["plugin"] not in plugins.names("encoding"):
            from neatfool.experiment.trust import require_trust

            require_trust(run)
            for path in recorded.get("plugins", {}).get("path", ()):
                plugins.load_files(Path(path))
        with recorded_by_a_run():
            choice = read_choice("encoding", json_sections(recorded, RECORDED), plugins)
        encoding: Encoding[Any] = make(choice, spec=run.spec)
        return encoding

    def verify(self, run: Run, model: Any, tolerance: float, max_queries: int | None) -> Verdict:
        """Score the saved images again; see :meth:`neatfool.Run.verify`."""
        from neatfool.evolution.verification import verify
        from neatfool.run.verdict import Verdict

        check_arguments(CallSettings, max_queries=max_queries)
        refuse_under_way(run.path)
        run.refresh()
        with closing(self.make_scorer(run, model, max_queries=max_queries)) as scorer:
            results = verify(run, scorer)
        if not results:
            raise VerificationError(f"{run.path}: the run has no elites yet to verify")
        return Verdict(tuple(results), tolerance)

    def write_report(self, run: Run) -> Path:
        """Write the run's page; see :meth:`neatfool.Run.report`."""
        from neatfool.present.saving import write_report

        return write_report(run)

    def close(self) -> None:
        """Close the target; the next use loads it again."""
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    def score(self, run: Run, genome: Any, model: Any) -> dict[str, float]:
        """Score a genome as the run did; see :meth:`neatfool.Run.score`."""
        from neatfool.evolution.verification import use_ledger

        if model is not None:
            self.close()
            self._model = model
        self._scorer = scorer = self._scorer or self.make_scorer(run)
        with ExitStack() as ending:
            use_ledger(run, scorer, ending)
            drawing = encodings_of(scorer.target, run.encoding)
            name = f"encoding {run.experiment['encoding']['plugin']!r}"
            scores = scorer.score(draw(drawing, [genome], scorer.spec, name))
            if scores.ok is not None and not scores.ok.all():
                raise TargetError(f"{scorer.name}: gave no usable score for the image")
            return dict(zip(scorer.spec.classes, scores.probs[0].tolist(), strict=True))

    def make_scorer(
        self, run: Run, model: Any = None, *, max_queries: int | None = None, views: bool = True
    ) -> Scorer:
        """Make the run's scorer, with ``model``, the run's own model or the recorded target."""
        model = self._model if model is None else model
        own = self._experiment if model is None else None
        if (experiment := own) is None:
            from neatfool.evolution.verification import experiment_of

            experiment = experiment_of(run, model)
        budget = {"max_queries": max_queries or run.experiment["target"].get("max_queries")}
        experiment = replace(
            experiment,
            calls=experiment.calls.model_copy(update=budget),
            showing=experiment.showing if views else None,
        )
        return assemble(experiment, ScoringPlan.from_json(run.info["scoring"])).scorer
