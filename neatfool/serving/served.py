"""What is served: the target of an experiment, called as a run calls it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError
from neatfool.evolution.assembly import (
    check_target,
    describe,
    make,
    make_scheme,
    make_scorer,
    own_fingerprint,
)
from neatfool.evolution.fingerprints import fingerprint_of_plugin
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
"""The one version that a model has."""


@dataclass(frozen=True)
class Output:
    """A tensor of the answers, [N, K].

    Attributes:
        name: ``"probabilities"`` or ``"logits"``.
        dtype: The kind of its numbers, float32 or float64.
    """

    name: str
    dtype: np.dtype

    @property
    def datatype(self) -> str:
        """What the protocol calls the kind of its numbers."""
        return f"FP{8 * self.dtype.itemsize}"

    def of(self, scores: Scores) -> np.ndarray:
        """Give its numbers: [N, K], all NaN for an image that could not be scored.

        Elsewhere all are finite, as JSON has no infinity: the logarithm of a probability of zero
        becomes the lowest number, beside which, in a softmax, nothing else differs.
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
        name: What the model is called: as the experiment.
        target: What messages call the target.
        scorer: The target, made safe.
        fingerprint: What tells the target from one that scores otherwise.
        outputs: The tensors that it answers with.
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
    """Read an experiment of which only the target is of interest: it need not say how long.

    Args:
        path: The INI file; section ``[target]`` suffices.
        overrides: ``section.key=value`` in place of what the file says.
        plugins: Where plugins are loaded.

    Raises:
        NeatfoolError: As :func:`~neatfool.experiment.experiment.load_experiment`.
    """
    _, sections = read_given(Path(path), overrides, None, Problems())
    given = sections["experiment"].values
    if not any(length in given for length in LENGTHS):
        overrides = [*overrides, "experiment.generations=1"]
    return load_experiment(path, overrides=overrides, plugins=plugins)


def make_served(experiment: Experiment) -> Served:
    """Make the target of an experiment, to be scored exactly and in batches of a run's size.

    So a request's answer is what a run of this experiment would record, to the last bit, however
    images are divided into requests.

    Args:
        experiment: The experiment; its plugins are loaded.

    Raises:
        ExperimentError: The target costs something to ask, or has no use for an option.
        NeatfoolError: As :func:`~neatfool.evolution.assembly.assemble`.
    """
    name = describe(experiment.target)
    target = make(experiment.target)
    check_target(target, name)
    if hasattr(target, "meter"):
        raise ExperimentError(
            f"{name} costs something to ask, and only a run keeps account of it; serve another "
            "target, or fool this one where it is"
        )
    own = own_fingerprint(target, name)
    fingerprint = own or fingerprint_of_plugin(experiment.target, target)
    encoding = make(experiment.encoding, spec=target.spec)
    scheme = make_scheme(experiment.scheme, encoding, target, experiment.general.seed)
    scorer = make_scorer(target, name, experiment.calls, fingerprint, scheme, may_screen=False)
    return Served(experiment.name, name, scorer, fingerprint, outputs_of(scorer))


def outputs_of(scorer: Scorer) -> tuple[Output, ...]:
    """Find out what a target answers with: a black image tells."""
    scores = scorer.score(torch.zeros((1, *scorer.target.spec.shape), dtype=torch.uint8))
    parts = {"probabilities": scores.probs, "logits": scores.logits}
    return tuple(
        Output(name, np.dtype(np.float64 if values.dtype == np.float64 else np.float32))
        for name, values in parts.items()
        if values is not None
    )
