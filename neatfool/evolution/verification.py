"""Verification: are the saved images what the run says they are?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from neatfool.errors import BudgetSpent, VerificationError
from neatfool.run.folder import lock
from neatfool.run.images import decode_png

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

TOLERANCE = 1e-4
"""How far a confidence may be from the recorded one: processors and batches round differently."""

ASKED_AT_ONCE = 1024
"""Images: where asking costs something, equal ones among so many are asked about once."""


@dataclass(frozen=True)
class Verified:
    """What a saved image scored.

    Attributes:
        name: Its class.
        index: The index of its class.
        recorded: The confidence that the run recorded.
        measured: The confidence that the target gives the saved file now.
    """

    name: str
    index: int
    recorded: float
    measured: float

    @property
    def difference(self) -> float:
        """How far apart the two are."""
        return abs(self.recorded - self.measured)


def verify(run: Run, scorer: Scorer) -> list[Verified]:
    """Score the saved image of each class again.

    Args:
        run: The run.
        scorer: Its target.

    Returns:
        What each image scored, in the order of the classes.

    Raises:
        RunError: The database is damaged: all of it is read first.
        VerificationError: An image's file is missing, damaged, or of the wrong size.
        TargetError: The target failed.
        BudgetSpent: Asking the target costs something, and there is no budget for all images.
        RunError: It does, and another process is running the run.
    """
    run.store.check()
    with ExitStack() as ending:
        if (metered := scorer.metered) is not None:
            ending.callback(lock(run.path))
            metered.open_ledger(run.store.path)
            metered.with_classes(run.classes)
            queries = len({elite.candidate_id for elite in run.elites})
            if shortage := metered.ledger.shortage(queries):
                raise BudgetSpent(
                    f"{run.path}: verifying takes {queries} queries, and {shortage}; allow more "
                    "with --max-queries N"
                )
        return list(_verify(run, scorer))


def _verify(run: Run, scorer: Scorer) -> Iterator[Verified]:
    elites = run.elites
    size = scorer.batch_size if scorer.metered is None else ASKED_AT_ONCE
    for start in range(0, len(elites), size):
        batch = elites[start : start + size]
        images = torch.stack([_saved(elite) for elite in batch])
        scores = scorer.score(images)
        for row, elite in enumerate(batch):
            measured = float(scores.probs[row, elite.index])
            yield Verified(elite.name, elite.index, elite.confidence, measured)


def _saved(elite: EliteView) -> torch.Tensor:
    path, shape = elite.file, elite.run.spec.shape
    try:
        pixels = decode_png(path.read_bytes())
    except FileNotFoundError:
        raise VerificationError(
            f"{path}: missing; `neatfool resume` on the run writes its images again"
        ) from None
    except (OSError, ValueError) as error:
        raise VerificationError(f"{path}: not a readable PNG ({error})") from error
    if pixels.shape != shape:
        raise VerificationError(f"{path}: is {pixels.shape} (channels, height, width), not {shape}")
    return torch.from_numpy(pixels.copy())
