"""OOD detectors that are formulas of an image's logits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from neatfool import Register, hookimpl
from neatfool.ood import Answers, Detector

if TYPE_CHECKING:
    import torch

TINY: Final = 1e-7
"""Entropy and GEN take a smaller probability as this one."""


class Formula(Detector):
    """A formula of what a classifier says, which torch can differentiate."""

    differentiable = True

    def __init__(
        self,
        needs: Literal["probabilities", "logits"],
        looks_at: str,
        formula: Callable[[Answers], torch.Tensor],
    ) -> None:
        """Take the formula, what it needs, and what that is in words."""
        self.needs, self.looks_at, self._formula = needs, looks_at, formula

    def score(self, answers: Answers) -> torch.Tensor:
        """Apply the formula."""
        return self._formula(answers)


def entropy(answers: Answers) -> torch.Tensor:
    """Compute ``-sum(p log p)`` of the probabilities.

    Chan, Rottmann and Gottschalk, *Entropy Maximization and Meta Classification for
    Out-of-Distribution Detection in Semantic Segmentation*, ICCV 2021 (arXiv 2012.06575).
    """
    p = answers.probabilities.clamp(min=TINY)
    return -(p.log() * p).sum(1)


def generalised_entropy(answers: Answers) -> torch.Tensor:
    """Compute GEN: the mean of ``(p (1 - p)) ** 0.1`` over the 100 likeliest classes.

    Liu, Lochman and Zach, *GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection*,
    CVPR 2023, which sums. The mean, as pytorch-ood takes it, ranks images in the same way.
    """
    p = answers.probabilities.topk(min(100, answers.logits.shape[1]), 1).values
    p = p.clamp(TINY, 1 - TINY)
    return (p.pow(0.1) * (1 - p).pow(0.1)).mean(1)


@hookimpl
def neatfool_register_detectors(register: Register) -> None:
    """Register each formula."""
    # Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples
    # in Neural Networks, ICLR 2017 (arXiv 1610.02136).
    msp = partial(
        Formula, "probabilities", "largest probability", lambda a: -a.probabilities.amax(1)
    )
    register("msp", msp)
    # Hendrycks and others, Scaling Out-of-Distribution Detection for Real-World Settings, ICML 2022
    # (arXiv 1911.11132).
    largest = partial(Formula, "logits", "largest logit", lambda a: -a.logits.amax(1))
    register("max_logit", largest)
    # Liu and others, Energy-based Out-of-distribution Detection, NeurIPS 2020 (arXiv 2010.03759).
    energy = partial(Formula, "logits", "energy of the logits", lambda a: -a.logits.logsumexp(1))
    register("energy", energy)
    register("entropy", partial(Formula, "probabilities", "entropy", entropy))
    register("gen", partial(Formula, "probabilities", "generalised entropy", generalised_entropy))
