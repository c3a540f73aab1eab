"""The target of an experiment, made to be served and called as a run calls it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError
from neatfool.evolution.assembly import assemble
from neatfool.experiment.experiment import load_experiment, read_given
from neatfool.experiment.framework import LENGTHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.experiment.experiment import Experiment
    from neatfool.plugin.manager import PluginManager
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.scores import Scores

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
        target: What messages call the target.
        fingerprint: Changes when the target scores differently.
        outputs: The tensors of its answers.
    """

    name: str
    target: str
    scorer: Scorer
    fingerprint: str
    outputs: tuple[Output, ...]

    @property
    def spec(self) -> ImageSpec:
        """The target's spec."""
        return self.scorer.target.spec


def load_target_of(
    path: Path | str, *, overrides: Sequence[str] = (), plugins: PluginManager | None = None
) -> Experiment:
    """Read an experiment whose section ``[target]`` suffices: it needs no length.

    Arguments and errors are those of :func:`~neatfool.experiment.experiment.load_experiment`.
    """
    _, sections = read_given(Path(path), overrides, None, Problems())
    given = sections["experiment"].values
    if not any(length in given for length in LENGTHS):
        overrides = [*overrides, "experiment.generations=1"]
    return load_experiment(path, overrides=overrides, plugins=plugins)


def make_served(experiment: Experiment) -> Served:
    """Make the target of an experiment, to score exactly and in batches of a run's size.

    A request's answer is what a run of this experiment would record, to the last bit, however
    clients divide images into requests.

    Raises:
        ExperimentError: The target costs something to ask, or has no use for an option.
        NeatfoolError: As :func:`~neatfool.evolution.assembly.assemble`.
    """
    name = experiment.target.label
    costly = ExperimentError(
        f"{name} costs something to ask, and only a run keeps account of it; serve another "
        "target, or fool this one where it is"
    )
    if experiment.target.costs:
        raise costly
    assembly = assemble(experiment, to_search=False)
    scorer = assembly.scorer
    if scorer.metered is not None:
        scorer.close()
        raise costly
    return Served(experiment.name, name, scorer, scorer.fingerprint, outputs_of(scorer))


def outputs_of(scorer: Scorer) -> tuple[Output, ...]:
    """Score a black image to find out which tensors the target answers with."""
    scores = scorer.score(torch.zeros((1, *scorer.target.spec.shape), dtype=torch.uint8))
    parts = {"probabilities": scores.probs, "logits": scores.logits}
    return tuple(
        Output(name, np.dtype(np.float64 if values.dtype == np.float64 else np.float32))
        for name, values in parts.items()
        if values is not None and values.shape == scores.probs.shape
    )
