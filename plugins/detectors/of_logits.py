"""OOD detectors that are formulas of an image's logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool import Register, hookimpl
from neatfool.ood import Detector

if TYPE_CHECKING:
    import torch

    from neatfool.ood import Answers

GAMMA: Final = 0.1
"""The exponent of GEN, as in its paper."""
LARGEST_CLASSES: Final = 100
"""GEN looks at this many of the likeliest classes, as in its paper."""
TINY: Final = 1e-7
"""Entropy and GEN take a smaller probability as this one."""


class MaximumSoftmax(Detector):
    """The negative of the largest probability.

    Hendrycks and Gimpel, *A Baseline for Detecting Misclassified and Out-of-Distribution Examples
    in Neural Networks*, ICLR 2017 (arXiv 1610.02136).
    """

    needs = "probabilities"
    looks_at = "largest probability"
    differentiable = True

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        return -answers.probabilities.amax(1)


class MaximumLogit(Detector):
    """The negative of the largest logit.

    Hendrycks and others, *Scaling Out-of-Distribution Detection for Real-World Settings*, ICML 2022
    (arXiv 1911.11132).
    """

    needs = "logits"
    looks_at = "largest logit"
    differentiable = True

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        return -answers.logits.amax(1)


class Energy(Detector):
    """The energy, ``-logsumexp(logits)``.

    Liu and others, *Energy-based Out-of-distribution Detection*, NeurIPS 2020 (arXiv 2010.03759).
    """

    needs = "logits"
    looks_at = "energy of the logits"
    differentiable = True

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        return -answers.logits.logsumexp(1)


class Entropy(Detector):
    """The entropy of the probabilities, ``-sum(p log p)``.

    Chan, Rottmann and Gottschalk, *Entropy Maximization and Meta Classification for
    Out-of-Distribution Detection in Semantic Segmentation*, ICCV 2021 (arXiv 2012.06575).
    """

    needs = "probabilities"
    looks_at = "entropy"
    differentiable = True

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        p = answers.probabilities.clamp(min=TINY)
        return -(p.log() * p).sum(1)


class GeneralisedEntropy(Detector):
    """GEN: the mean of ``(p (1 - p)) ** 0.1`` over the likeliest classes.

    Liu, Lochman and Zach, *GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection*,
    CVPR 2023. The paper sums over the 100 likeliest classes. The mean, as pytorch-ood takes it,
    ranks images in the same way.
    """

    needs = "probabilities"
    looks_at = "generalised entropy"
    differentiable = True

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        p = answers.probabilities.topk(min(LARGEST_CLASSES, answers.logits.shape[1]), 1).values
        p = p.clamp(TINY, 1 - TINY)
        return (p.pow(GAMMA) * (1 - p).pow(GAMMA)).mean(1)


@hookimpl
def neatfool_register_detectors(register: Register) -> None:
    """Register each formula."""
    register("msp", MaximumSoftmax)
    register("max_logit", MaximumLogit)
    register("energy", Energy)
    register("entropy", Entropy)
    register("gen", GeneralisedEntropy)
