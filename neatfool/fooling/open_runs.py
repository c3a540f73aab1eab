"""Opening a run to read it, with the tools to draw, score and show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.budget import check_allowed
from neatfool.config.options import check_arguments
from neatfool.errors import RunError
from neatfool.evolution.open_run import OpenRun
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.experiment.framework import CallSettings
from neatfool.experiment.trust import require_trust
from neatfool.run.folder import DATABASE
from neatfool.run.run import Run

if TYPE_CHECKING:
    from neatfool.scoring.scorer import Scorer


def open_run(
    path: str | Path,
    *,
    trust: bool = False,
    model: Any = None,
    encoding: Callable[..., Any] | None = None,
) -> Run:
    """Open the run in a folder to read it, also while another process runs it.

    Args:
        path: The folder.
        trust: Whether its target may be loaded although another person made the run. Its record
            names files and addresses; ``neatfool verify RUN`` lists them, and asks.
        model: What scores in place of the target of its record, here and in all of
            :mod:`neatfool.analysis`: the model that was given to :func:`neatfool.fool`, say.
        encoding: The class that draws the genomes in place of the encoding of its record, with the
            recorded options: the class that was given to :func:`neatfool.fool`, say.

    Raises:
        RunError: The folder holds no run, or its database is damaged.
        PluginError: The plugin of an activation is absent. A missing encoding fails later, when it
            is to draw.
    """
    run = OpenRun(Path(path), model=model, encoding=encoding, trust=trust)
    run.require_activations()  # reads the database: a wrong path fails here
    return run


@contextmanager
def open_runs(
    runs: Run | str | Path | Iterable[Run | str | Path],
    *,
    trust: bool = False,
    scored: bool = False,
    for_classifiers: str = "",
) -> Iterator[list[Run]]:
    """Open the runs that folders hold, each once, and close them at the end.

    Args:
        runs: The folders; see :func:`~neatfool.find_runs`. Runs that are open already stay so.
        trust: See :func:`~neatfool.open_run`.
        scored: Whether their targets will be loaded; a user at a terminal is asked now, not later.
        for_classifiers: What needs runs of classifiers (``"neatfool audit"``), if it does.

    Raises:
        ExperimentError: A run is of an objective, and only classifiers' runs will do.
        RunError: No run is named, or a folder holds none, or a database is damaged.
        UntrustedRun: Another person made a run that is to be scored, and the user did not agree.
        PluginError: The encoding of a run cannot be loaded.
    """
    with ExitStack() as ending:
        opened: dict[Path, Run] = {}
        for each in [runs] if isinstance(runs, Run | str | Path) else runs:
            if isinstance(each, Run):
                opened.setdefault(each.path.resolve(), each)
                continue
            for path in find_runs(each):
                if path.resolve() not in opened:
                    run = ending.enter_context(closing(open_run(path, trust=trust)))
                    opened[path.resolve()] = run
        if not opened:
            raise RunError("no run was named; give runs, or folders that hold such")
        for run in opened.values() if for_classifiers else ():
            run.spec.require_classifier(run.path, for_classifiers)
        for run in opened.values() if scored else ():
            require_trust(run)
        yield [*opened.values()]


def open_scorer(
    source: Run | Experiment | str | Path,
    *,
    views: bool = False,
    max_queries: int | None = None,
    images: int = 0,
) -> Scorer:
    """Load a target to score any images with it; close the scorer at the end.

    Args:
        source: A run or its folder, an experiment, or an experiment's file, which needs only the
            section ``[target]``.
        views: Whether to change each image as the experiment's ``[views]`` say. If not, images are
            scored as they are.
        max_queries: The most images to send to a target that costs something to ask, in place of
            the experiment's. They are not entered in the run's ledger.
        images: How many images will be sent at least. A target known to cost something is not
            loaded, and its service not connected to, if ``max_queries`` does not allow them.

    Raises:
        RunError: Only Python has the run's target.
        UntrustedRun: Another person made the run, and it was not opened with ``trust=True``.
        ExperimentError: The experiment is wrong.
        PluginError: A plugin is missing or broken.
        TargetError: The target does not recognise its own images, or scores an image differently
            from call to call.
        BudgetSpent: ``max_queries`` does not allow ``images``.
    """
    check_arguments(CallSettings, max_queries=max_queries)
    if isinstance(source, str | Path) and Path(source).is_dir():
        source = open_run(source)
    if isinstance(source, Run):
        assert isinstance(source, OpenRun), "nobody else opens runs to score them"
        if images and source.requests:
            check_allowed(str(source.path), images, max_queries)
        scorer = source.make_scorer(max_queries=max_queries, views=views)
        if scorer.metered is not None:
            scorer.metered.with_classes(source.classes)
        return scorer
    if not isinstance(source, Experiment):
        source = load_experiment(source, to_search=False)
    if images and source.target.costs:
        check_allowed(source.target.label, images, max_queries)
    if max_queries is not None:
        calls = source.calls.model_copy(update={"max_queries": max_queries})
        source = replace(source, calls=calls)
    from neatfool.evolution.assembly import assemble

    return assemble(source if views else replace(source, showing=None), to_search=False).scorer


def find_runs(folder: str | Path) -> list[Path]:
    """List the runs that a folder holds.

    Returns:
        The folder, if it is that of a run. Else those of its folders that are, or, if none is,
        those of the folders in them.

    Raises:
        RunError: There is no run in it.
    """
    folder = Path(folder)
    if (folder / DATABASE).is_file():
        return [folder]
    for depth in ("*", "*/*"):
        databases = folder.glob(f"{depth}/{DATABASE}")
        if runs := sorted(path.parent for path in databases if path.is_file()):
            return runs
    fault = "is a file" if folder.is_file() else "is not there"
    fault = "there is no run in it" if folder.is_dir() else fault
    raise RunError(f"{folder}: {fault}; give the folder of a run, or a folder that holds runs")
