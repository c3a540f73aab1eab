"""Detectors of the unfamiliar: how unlike the familiar images is an image, as a classifier sees it?

Each gives an image a score. The larger it is, the more outlying is the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import torch

from neatfool import ExperimentError

from .names import ELSEWHERE, needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from .answers import Answers, Needs

NEIGHBOURS: Final = 50
"""Which nearest neighbour counts; as in the paper for data as small as CIFAR-10."""
SHARE_OF_NEIGHBOURS: Final = 10
"""With few images, a tenth of them: the 50th of 60 neighbours would be on the other side."""
GAMMA: Final = 0.1
"""The exponent of GEN, as in its paper."""
LARGEST_CLASSES: Final = 100
"""GEN looks at this many of the likeliest classes, as in its paper."""
TINY: Final = 1e-7
"""Entropy and GEN take a smaller probability as this one."""
RIDGE: Final = 1e-6
"""Added to a covariance's diagonal, so that it can be inverted."""


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


class NearestNeighbour:
    """The distance to the k-th nearest familiar image, in features of length one.

    Sun and others, *Out-of-Distribution Detection with Deep Nearest Neighbors*, ICML 2022 (arXiv
    2204.06507).
    """

    needs: Needs = "features"
    fits = True
    differentiable = True

    def __init__(self, head: nn.Linear) -> None:
        """Take the last layer, which this detector does not look at."""

    def fit(self, familiar: Answers) -> None:
        """Keep the features of the familiar images."""
        self._known = self._lengthless(_features(familiar))
        self._roughly = self._known.T.float()
        self.k = min(NEIGHBOURS, max(1, len(self._known) // SHARE_OF_NEIGHBOURS))

    def score(self, answers: Answers) -> torch.Tensor:
        """Give the distance to the k-th nearest."""
        features = self._lengthless(_features(answers))
        # Both have length one, so that the nearest has the largest product. Single precision, which
        # takes half as long, suffices to find it.
        near = (features.float() @ self._roughly).topk(self.k, 1).indices[:, -1]
        return _length(features - self._known[near]).float()

    @staticmethod
    def _lengthless(features: torch.Tensor) -> torch.Tensor:
        return features / _length(features).clamp(min=1e-12)[:, None]


class Mahalanobis:
    """Half the squared Mahalanobis distance to the nearest class's mean.

    The covariance is shared by the classes. As in pytorch-ood it is not divided by the number of
    images, which changes all scores by one factor.

    Lee and others, *A Simple Unified Framework for Detecting Out-of-Distribution Samples and
    Adversarial Attacks*, NeurIPS 2018 (arXiv 1807.03888).
    """

    needs: Needs = "features"
    fits = True
    differentiable = True

    def __init__(self, head: nn.Linear) -> None:
        """Take the last layer, which this detector does not look at."""

    def fit(self, familiar: Answers) -> None:
        """Find the mean of each class that the classifier names, and the covariance."""
        features = _features(familiar)
        scatter = RIDGE * torch.eye(features.shape[1], dtype=torch.float64)
        means = []
        for number in sorted({*familiar.classes.tolist()}):
            some = features[familiar.classes == number]
            means.append(some.mean(0))
            scatter += (some - means[-1]).T @ (some - means[-1])
        # A distance is then a length, which rounding cannot make negative.
        self._root = torch.linalg.inv(torch.linalg.cholesky(scatter)).T
        self._means = torch.stack(means) @ self._root

    def score(self, answers: Answers) -> torch.Tensor:
        """Give half the squared distance to the nearest mean."""
        apart = torch.cdist(
            _features(answers) @ self._root,
            self._means,
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        return 0.5 * apart.amin(1).square().float()


class VirtualLogit:
    """ViM: what of the features lies outside of the familiar directions, less the logits' energy.

    Wang and others, *ViM: Out-Of-Distribution with Virtual-logit Matching*, CVPR 2022 (arXiv
    2203.10807).
    """

    needs: Needs = "features"
    fits = True
    differentiable = True

    def __init__(self, head: nn.Linear) -> None:
        """Take the last layer, from whose weights the origin of the features follows."""
        weight = head.weight.detach().double().cpu()
        bias = torch.zeros(len(weight)) if head.bias is None else head.bias.detach()
        self._origin = -(torch.linalg.pinv(weight) @ bias.double().cpu())

    def fit(self, familiar: Answers) -> None:
        """Find the directions in which familiar images vary least, and a virtual logit's scale."""
        features = _features(familiar) - self._origin
        count, size = features.shape
        _, directions = torch.linalg.eigh(features.T @ features / count)
        self.familiar_directions = min(_familiar_directions(size), count // 2)
        self._outside = directions[:, : size - self.familiar_directions].contiguous()
        lengths = _length(features @ self._outside)
        self._scale = familiar.logits.double().amax(1).mean() / lengths.mean()

    def score(self, answers: Answers) -> torch.Tensor:
        """Give the virtual logit less the energy."""
        length = _length((_features(answers) - self._origin) @ self._outside)
        energy = -answers.logits.double().logsumexp(1)
        return (self._scale * length + energy).float()


def _familiar_directions(size: int) -> int:
    """Choose how many directions count as familiar, as the paper's code does."""
    return 1000 if size >= 2048 else 512 if size >= 768 else size // 2


def _length(vectors: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(vectors, dim=1)
    return length


def _features(answers: Answers) -> torch.Tensor:
    assert answers.features is not None
    return answers.features.double()


OF_LOGITS: Final[Mapping[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "msp": score_msp,
    "max_logit": score_max_logit,
    "energy": score_energy,
    "entropy": score_entropy,
    "gen": score_gen,
}
OF_FEATURES: Final[Mapping[str, Callable[[nn.Linear], Detector]]] = {
    "knn": NearestNeighbour,
    "mahalanobis": Mahalanobis,
    "vim": VirtualLogit,
}


def make_detector(name: str, head: nn.Linear | None, module: nn.Module | None) -> Detector:
    """Make a detector.

    Args:
        name: Its name.
        head: The network's last linear layer, if it has one.
        module: The network, if there is one.

    Raises:
        ExperimentError: It needs a part of the network that is not there.
    """
    if name in OF_LOGITS:
        return OfLogits(needs_of(name), OF_LOGITS[name])
    if name in OF_FEATURES:
        if head is None:
            raise ExperimentError(f"the detector {name} needs a network's last linear layer")
        return OF_FEATURES[name](head)
    from .pytorch_ood import Elsewhere

    return Elsewhere(name.removeprefix(ELSEWHERE), head, module)
