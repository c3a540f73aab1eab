"""A run's saved images, or any genome, are scored again as the run scored them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.errors import BudgetSpent, TargetError, VerificationError
from neatfool.files import lock_folder, read_whole
from neatfool.run.folder import refuse_under_way
from neatfool.run.images import decode_png
from neatfool.run.individual import EliteView
from neatfool.run.run import Run
from neatfool.run.store import RunStore
from neatfool.run.verdict import Verdict, VerificationResult
from neatfool.scoring.checks import add_views, draw, encodings_of
from neatfool.scoring.scorer import Scorer
from neatfool.spec.scores import rank
from neatfool.spec.target import MultiView
from neatfool.wording import counted

if TYPE_CHECKING:
    from neatfool.budget import Ledger


ASKED_AT_ONCE: Final = 1024
"""How many images a metered target is given together. Equal images among them cost one query."""


def give_verdict(run: Run, make_scorer: Callable[[], Scorer], tolerance: float) -> Verdict:
    """Score a run's saved images again, and compare with the recorded scores."""
    refuse_under_way(run.path)
    run.refresh()
    with closing(make_scorer()) as scorer:
        results = verify(run, scorer)
    if not results:
        raise VerificationError(f"{run.path}: the run has no elites yet to verify")
    return Verdict(tuple(results), tolerance, run.spec.is_objective)


def verify(run: Run, scorer: Scorer) -> list[VerificationResult]:
    """Read the whole database, then score each class's saved image again, in order."""
    run.store.check()
    elites, verified, target = run.elites, [], scorer.target
    redraws = isinstance(target, MultiView) and target.redraws
    drawing = encodings_of(target, run.encoding) if redraws else []
    least = max((abs(elite.score) for elite in elites), default=0.0) / 1000
    size = scorer.batch_size if scorer.metered is None else ASKED_AT_ONCE
    with ExitStack() as ending:
        _use_ledger(run, scorer, ending)
        if scorer.metered is not None:
            queries = len({elite.candidate_id for elite in elites}) * scorer.views
            _allow(queries, run, scorer.metered.ledger)
        for start in range(0, len(elites), size):
            batch = elites[start : start + size]
            images = torch.stack([_read_saved(elite) for elite in batch])
            genomes = [elite.genome for elite in batch] if redraws else []
            scores = scorer.score(add_views(images, drawing, genomes))
            for elite, probs, ranks in zip(batch, scores.probs, rank(scores), strict=True):
                now, rank_now = float(probs[elite.index]), float(ranks[elite.index])
                recorded = elite.name, elite.index, elite.score
                scale = max(abs(elite.score), least) or 1.0 if run.spec.is_objective else 1.0
                verified.append(VerificationResult(*recorded, now, elite.rank, rank_now, scale))
    return verified


def score_genome(run: Run, scorer: Scorer, genome: Any) -> dict[str, float]:
    """Score a genome of the run's encoding: the score in each class, by its name."""
    with ExitStack() as ending:
        _use_ledger(run, scorer, ending)
        drawing = encodings_of(scorer.target, run.encoding)
        name = f"encoding {run.experiment['encoding']['plugin']!r}"
        scores = scorer.score(draw(drawing, [genome], scorer.spec, name))
        if scores.ok is not None and not scores.ok.all():
            raise TargetError(f"{scorer.name}: gave no usable score for the image")
    run.refresh()
    given = zip(scorer.spec.classes, scores.probs[0].tolist(), strict=True)
    return {name: score for name, score in given if score > -math.inf}


def _use_ledger(run: Run, scorer: Scorer, ending: ExitStack) -> None:
    """Let a metered target count in the run's ledger, and keep other processes off the run."""
    if (metered := scorer.metered) is not None:
        ending.enter_context(lock_folder(run.path))
        metered.open_ledger(run.store.path)
        metered.with_classes(run.classes)


def _allow(queries: int, run: Run, ledger: Ledger) -> None:
    """Refuse so many queries if the budget does not allow them; record a new budget."""
    if shortage := ledger.shortage(queries):
        needed = counted(queries, "query", "queries")
        fault = f"verifying takes {needed}, and {shortage}; a larger max_queries allows more"
        raise BudgetSpent(f"{run.path}: {fault}")
    target, most = run.experiment.get("target", {}), ledger.budget.queries
    if target.get("max_queries", most) != most:
        with closing(RunStore.open(run.store.path, write=True)) as store:
            target = {**target, "max_queries": most}
            store.keep("experiment", {**run.experiment, "target": target})


def _read_saved(elite: EliteView) -> torch.Tensor:
    path, shape = elite.file, elite.run.spec.shape
    try:
        pixels = decode_png(read_whole(path))
    except FileNotFoundError:
        advice = "resuming the run writes the images again"
        raise VerificationError(f"{path}: missing; {advice}") from None
    except (OSError, ValueError) as error:
        raise VerificationError(f"{path}: not a readable PNG ({error})") from error
    if pixels.shape != shape:
        raise VerificationError(f"{path}: is {pixels.shape} (channels, height, width), not {shape}")
    return torch.from_numpy(pixels.copy())
