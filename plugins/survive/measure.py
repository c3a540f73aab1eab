"""Changes the images of runs' elites in many ways, and scores them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from neatfool import (
    EliteView,
    ExperimentError,
    Run,
    Scorer,
    choose_elites,
    encode_png,
    fit_images,
    open_runs,
    open_scorer,
)
from neatfool.measure import (
    ImageChange,
    RunFacts,
    all_changes,
    batch_slices,
    check_classes,
    choose_changes,
    find_class,
)
from neatfool.present import Output
from neatfool.wording import counted

from .finding import ChangeSurvival, Survival, SurvivalPoint, SurvivalResult, keep_survival


def survive(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    kinds: Annotated[Sequence[str], "A,B=1/2"] = (),
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    target: Annotated[str | Path | None, "EXPERIMENT"] = None,
    seed: int = 1,
    report: bool = False,
    max_queries: int | None = None,
    console: Output | None = None,
) -> Survival:
    """Measure what images survive: shifts, blur, JPEG and more.

    The images of the run's elites are changed in many ways, each at several strengths, and scored
    again. You see the median confidence, and the share that keep their class in the first place.

    Args:
        runs: The runs, or the folders that hold them.
        kinds: What to do to the images; `neatfool plugins list` has the views, and `drawn` is
            drawn anew at another size. Strengths may follow: jpeg=75/50.  [default: all]
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        target: Score with the target of this experiment's file, and not with the run's own. Images
            are scaled to its size.
        seed: The seed of the sample, and of directions, signs and noise.
        report: Keep the result in RUN/survival.json, for galleries and `neatfool export`, and
            write RUN's report again, which shows it.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such kind or class, or the target does not know the classes, or
            the runs' images have different sizes.
        RunError: No elite fits.
        UntrustedRun: Another person made a run, whose own target is to score.
        BudgetSpent: The target costs something, and the budget does not suffice.

    Examples:
        neatfool survive runs/imagenet_quick-1
        neatfool survive runs/imagenet-1 --sample 100 --html survived.html
        neatfool survive runs/imagenet-1 --kinds jpeg,blur,drawn=448/896 --json
        neatfool survive runs/imagenet-1 --least 0.5 --target experiments/another_network.ini
        neatfool survive runs/old-1 runs/new-1 --sample 200 --csv survived.csv
        neatfool survive runs/imagenet-1 --report          # the run's report then shows it
    """
    console = console or Output(quiet=True)
    with (
        open_runs(runs, scored=target is None, for_classifiers="neatfool survive") as opened,
        ExitStack() as ending,
    ):
        chosen = [
            choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
            for run in opened
        ]
        changes = [choose_changes(all_changes(run, seed), kinds) for run in opened]
        if len({tuple(each.strengths for each in some) for some in changes}) > 1:
            raise ExperimentError(
                "the runs' images have different sizes, so drawing them at others does not "
                "compare; look at each run alone, or choose other --kinds"
            )
        # Each elite is scored as saved, and at each strength.
        of_each = 1 + sum(len(change.strengths) for change in changes[0])
        total = of_each * sum(map(len, chosen))

        def load(source: Run | str | Path, ending: ExitStack) -> Scorer:
            scorer = open_scorer(source, max_queries=max_queries, images=total)
            ending.callback(scorer.close)
            scorer.check_allowed(total, max_queries)
            if scorer.costs:
                console.say(f"{scorer.name}: this takes up to {counted(total, 'query', 'queries')}")
            return scorer

        scorer, before, found = load(target, ending) if target else None, None, []
        loaded = ending.enter_context(ExitStack())
        note = ending.enter_context(console.progress(total))
        for run, elites, some in zip(opened, chosen, changes, strict=True):
            # Runs that differ in their seed share a target, unless each has a budget of its own.
            own = run.experiment["target"], run.info["target"], run.info["scoring"]
            if scorer is None or (target is None and (scorer.costs or own != before)):
                loaded.close()
                scorer, before = load(run, loaded), own
            facts = {"own_target": target is None, "random_seed": seed, "target": scorer.name}
            found.append(_measure(run, elites, scorer, some, note, **facts))
    survival = Survival(runs=tuple(found))
    for page in keep_survival(survival) if report else ():
        console.say(f"Look at {page}")
    return survival


def _measure(
    run: Run,
    elites: Sequence[EliteView],
    scorer: Scorer,
    changes: Sequence[ImageChange],
    note: Callable[[str, int], None],
    **facts: Any,
) -> SurvivalResult:
    """Change the images of a run's elites in all ways, and score them."""
    check_classes(scorer, elites)
    saved = torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites]))

    def score(name: str, make: Callable[[slice], torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Score images that ``make`` gives, one for each of some elites."""
        scores = []
        for some in batch_slices(len(elites), scorer):
            note(name, 0)
            scores.append(_score_images(elites[some], make(some), scorer))
            note(name, len(elites[some]))
        confidences, first = (np.concatenate(each) for each in zip(*scores, strict=True))
        return confidences, first

    sure, had = as_saved = score("as saved", lambda some: saved[some].float())
    order = np.argsort(-sure, kind="stable").tolist()
    # The surest image, and one in the middle of the others.
    examples = [*dict.fromkeys([order[0], order[len(order) // 2]])]

    def look(change: ImageChange | None, strength: float) -> SurvivalPoint:
        def make(some: slice) -> torch.Tensor:
            return change.apply(elites[some], saved[some], strength) if change else saved[some]

        confidences, first = score(change.kind.name, make) if change else as_saved
        shown = (fit_images(make(slice(row, row + 1)), run.spec)[0].numpy() for row in examples)
        return SurvivalPoint(
            median=np.median(confidences),
            top1=first.mean(),
            kept=first[had].mean() if had.any() else 0.0,
            strength=strength if change else None,
            confidences=tuple(confidences.tolist()),
            first=tuple(first.tolist()),
            shown=tuple(map(encode_png, shown)),
        )

    return SurvivalResult(
        **RunFacts.facts(run, elites),
        **facts,
        as_saved=look(None, 0),
        kinds=tuple(
            ChangeSurvival(
                **each.kind.model_dump(),
                points=tuple(look(each, strength) for strength in each.strengths),
            )
            for each in changes
        ),
        classes=tuple(elite.name for elite in elites),
        genomes=tuple(elite.candidate_id for elite in elites),
        examples=tuple(examples),
    )


def _score_images(
    elites: Sequence[EliteView], images: torch.Tensor, scorer: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """Score images: their confidences in their classes, float64 [N], and whether it is top-1."""
    probs = np.asarray(scorer.score(fit_images(images, scorer.spec)).probs, np.float64)
    # The last column is that of classes that an open target has not met yet.
    probs = np.pad(probs, ((0, 0), (0, 1)))
    columns = np.array([find_class(elite, scorer.spec.classes) for elite in elites])
    places = np.minimum(columns, probs.shape[1] - 1)
    confidences = probs[np.arange(len(probs)), places]
    return confidences, (confidences > 0) & (confidences >= probs.max(axis=1))
