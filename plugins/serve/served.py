"""The target of an experiment, made to be served and called as a run calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool import ExperimentError, open_scorer

if TYPE_CHECKING:
    from neatfool import Experiment, ImageSpec, Scorer, Scores

VERSION: Final = "1"
"""A model has only one version."""


@dataclass(frozen=True)
class Output:
    """A tensor of the answers, [N, K]: ``probabilities`` or ``logits``, float32 or float64."""

    name: str
    dtype: np.dtype

    @property
    def datatype(self) -> str:
        """The protocol's name for the dtype."""
        return f"FP{8 * self.dtype.itemsize}"

    def of(self, scores: Scores) -> np.ndarray:
        """Give its numbers [N, K], all NaN for an image without a score.

        The others are finite, because JSON has no infinity: the logarithm of a zero probability
        becomes the lowest number, which a softmax turns into zero again.
        """
        values = scores.probs if self.name == "probabilities" else scores.logits
        lowest = np.finfo(self.dtype).min
        given: np.ndarray = np.maximum(np.asarray(values).astype(self.dtype), lowest)
        given[~np.asarray(scores.ok)] = np.nan
        return given


@dataclass(frozen=True)
class Served:
    """A target that is served.

    Attributes:
        name: The model's name, which is the experiment's.
        scorer: The target, called as a run calls it.
        outputs: The tensors of its answers.
    """

    name: str
    scorer: Scorer
    outputs: tuple[Output, ...]

    @property
    def spec(self) -> ImageSpec:
        """The target's spec."""
        return self.scorer.spec


def make_served(experiment: Experiment) -> Served:
    """Make the target of an experiment, to score exactly and in batches of a run's size.

    A request's answer is what a run of this experiment would record, to the last bit, however
    clients divide images into requests.

    Raises:
        ExperimentError: The target costs something to ask, or has no use for an option.
        NeatfoolError: As :func:`neatfool.open_scorer`.
    """
    if experiment.target.costs:
        raise _too_costly(experiment.target.label)
    scorer = open_scorer(experiment, views=True)
    if scorer.costs:
        scorer.close()
        raise _too_costly(scorer.name)
    return Served(experiment.name, scorer, outputs_of(scorer))


def _too_costly(name: str) -> ExperimentError:
    return ExperimentError(
        f"{name} costs something to ask, and only a run keeps account of it; serve another "
        "target, or fool this one where it is"
    )


def outputs_of(scorer: Scorer) -> tuple[Output, ...]:
    """Score a black image to find out which tensors the target answers with."""
    scores = scorer.score(torch.zeros((1, *scorer.spec.shape), dtype=torch.uint8))
    parts = {"probabilities": scores.probs, "logits": scores.logits}
    return tuple(
        Output(name, np.dtype(np.float64 if values.dtype == np.float64 else np.float32))
        for name, values in parts.items()
        if values is not None and values.shape == scores.probs.shape
    )
