"""Detectors of the unfamiliar: how unlike the familiar images is an image, as a classifier sees it?

Each gives an image a score. The larger it is, the more outlying is the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from .names import name_elsewhere, needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import nn

    from .answers import Answers, Needs

GAMMA: Final = 0.1
"""The exponent of GEN, as in its paper."""
LARGEST_CLASSES: Final = 100
"""GEN looks at this many of the likeliest classes, as in its paper."""
TINY: Final = 1e-7
"""Entropy and GEN take a smaller probability as this one."""


class Detector(Protocol):
    """Tells unfamiliar images from familiar ones.

    Attributes:
        needs: What it looks at.
        fits: Whether it must be fitted to familiar images first.
        differentiable: Whether torch can differentiate its scores.
    """

    needs: Needs
    fits: bool
    differentiable: bool

    def fit(self, familiar: Answers) -> None:
        """Learn what is familiar."""

    def score(self, answers: Answers) -> torch.Tensor:
        """Score images, [N]: the larger, the more outlying."""


class OfLogits:
    """A detector that is a formula of an image's logits, without anything to fit."""

    fits = False
    differentiable = True

    def __init__(self, needs: Needs, formula: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Take the formula, and whether it needs logits or only probabilities."""
        self.needs = needs
        self._formula = formula

    def fit(self, familiar: Answers) -> None:
        """Do nothing."""

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        return self._formula(answers.logits)


def score_msp(logits: torch.Tensor) -> torch.Tensor:
    """Give the negative of the largest probability.

    Hendrycks and Gimpel, *A Baseline for Detecting Misclassified and Out-of-Distribution Examples
    in Neural Networks*, ICLR 2017 (arXiv 1610.02136).
    """
    return -_probabilities(logits).amax(1)


def score_max_logit(logits: torch.Tensor) -> torch.Tensor:
    """Give the negative of the largest logit.

    Hendrycks and others, *Scaling Out-of-Distribution Detection for Real-World Settings*, ICML 2022
    (arXiv 1911.11132).
    """
    return -logits.amax(1)


def score_energy(logits: torch.Tensor) -> torch.Tensor:
    """Give the energy, ``-logsumexp(logits)``.

    Liu and others, *Energy-based Out-of-distribution Detection*, NeurIPS 2020 (arXiv 2010.03759).
    """
    return -logits.logsumexp(1)


def score_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Give the entropy of the probabilities, ``-sum(p log p)``.

    Chan, Rottmann and Gottschalk, *Entropy Maximization and Meta Classification for
    Out-of-Distribution Detection in Semantic Segmentation*, ICCV 2021 (arXiv 2012.06575).
    """
    p = _probabilities(logits).clamp(min=TINY)
    return -(p.log() * p).sum(1)


def score_gen(logits: torch.Tensor) -> torch.Tensor:
    """Give the generalised entropy: the mean of ``(p (1 - p)) ** 0.1`` over the likeliest classes.

    Liu, Lochman and Zach, *GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection*,
    CVPR 2023. The paper sums over the 100 likeliest classes. The mean, as pytorch-ood takes it,
    ranks images in the same way.
    """
    p = _probabilities(logits).topk(min(LARGEST_CLASSES, logits.shape[1]), 1).values
    p = p.clamp(TINY, 1 - TINY)
    return (p.pow(GAMMA) * (1 - p).pow(GAMMA)).mean(1)


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Compute probabilities in double precision.

    In single precision, near certainty, ``1 - p`` is all rounding, and GEN takes its tenth root.
    """
    return logits.double().softmax(1)


OF_LOGITS: Final[Mapping[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "msp": score_msp,
    "max_logit": score_max_logit,
    "energy": score_energy,
    "entropy": score_entropy,
    "gen": score_gen,
}


def make_detector(name: str, head: nn.Linear | None, module: nn.Module | None) -> Detector:
    """Make a detector.

    Args:
        name: Its name.
        head: The network's last linear layer, if it has one.
        module: The network, if there is one.

    Raises:
        ExperimentError: It asks for what is not to be had.
    """
    if name in OF_LOGITS:
        return OfLogits(needs_of(name), OF_LOGITS[name])
    from .pytorch_ood import Elsewhere

    return Elsewhere(name_elsewhere(name), head, module)
