"""OOD detectors, what they look at, and making them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from neatfool.errors import ExperimentError, PluginError, nearest
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    import torch
    from torch import nn

Needs: TypeAlias = Literal["probabilities", "logits", "features"]
"""What a detector looks at. One of ``probabilities`` also works where a classifier gives no logits;
one of ``features`` needs what its last linear layer takes."""


@dataclass(frozen=True)
class Answers:
    """What a classifier says of N images.

    Attributes:
        logits: Floats [N, K]. Logarithms of probabilities, if the classifier gives no logits.
        features: float32 [N, F], what its last linear layer takes; None if there is none.
    """

    logits: torch.Tensor
    features: torch.Tensor | None = None

    @property
    def classes(self) -> torch.Tensor:
        """The likeliest class of each image, int64 [N]."""
        return self.logits.argmax(1)

    @property
    def probabilities(self) -> torch.Tensor:
        """Probabilities, float64 [N, K]: in single precision ``1 - p`` may be all rounding."""
        return self.logits.double().softmax(1)


class MissingPackage(ExperimentError):  # noqa: N818 - as the other errors of neatfool
    """A package that a detector needs is not installed."""


class Detector(ABC):
    """Tells out-of-distribution images from in-distribution ones, as a classifier sees them.

    It is made without knowing the classifier, then looks at it, is fitted if need be, and scores.

    Attributes:
        needs: What it needs of the classifier.
        looks_at: What it looks at, in a few words.
        fits: Whether it must be fitted to in-distribution images first.
        differentiable: Whether torch can differentiate its scores.
    """

    needs: Needs
    looks_at: str = ""
    fits: bool = False
    differentiable: bool = False

    def look_at(self, head: nn.Linear | None) -> None:
        """Take what it wants of the network's last linear layer, on the CPU.

        It is None if no detector needs it.

        Raises:
            ExperimentError: It asks for what is not to be had.
        """
        del head

    def fit(self, answers: Answers) -> None:
        """Learn from in-distribution images, if it :attr:`fits`.

        Raises:
            ExperimentError: It fails, or there are too few.
        """
        del answers

    @abstractmethod
    def score(self, answers: Answers) -> torch.Tensor:
        """Score images, [N]: the larger, the more outlying."""


def detector_names() -> list[str]:
    """List the detectors that are asked by default: those whose names stand alone."""
    plugins = PluginManager()
    names = plugins.names("detector")
    return [
        name for name in names if not plugins.load("detector", name).accepted_arguments(name="")
    ]


def make_detector(name: str) -> Detector:
    """Make a detector by its name: ``energy``, say, or ``pytorch-ood:KNN``.

    Raises:
        MissingPackage: What it needs is not installed.
        ExperimentError: There is no such detector.
        PluginError: It is broken.
    """
    plugins = PluginManager()
    word, colon, rest = name.partition(":")
    if word in plugins.names("detector"):
        registration = plugins.load("detector", word)
        given = registration.accepted_arguments(name=rest)
        if bool(given) == bool(colon):
            made = registration.make(**given)
            if not isinstance(made, Detector):
                raise PluginError(
                    f"{registration.label}: {type(made).__name__} is no detector; let it inherit "
                    "from neatfool.ood.Detector"
                )
            return made
    known = detector_names()
    several = [f"{each}:NAME" for each in plugins.names("detector") if each not in known]
    raise ExperimentError(
        f"there is no detector {name!r}{nearest(name, known)}; others are {', '.join(several)}"
    )
