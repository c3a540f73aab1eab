"""Targets: the classifiers to fool, and other objectives of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from neatfool.spec.image_spec import ImageSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL.Image import Image


class Target(ABC):
    """A classifier to fool, or another objective: a spec, and a way to score.

    A target can be :class:`Differentiable` and :class:`MeteredTarget`, too.

    Attributes:
        spec: The images that it takes, and its classes.
        batch_size: The most images a call, if the experiment sets no batch size.
        concurrency: How many calls a metered target takes at a time, each in a thread of its own.
        networks: The :class:`~neatfool.Network` objects that ``score`` computes with. The
            framework then chooses how they compute: threads, frozen graphs, half precision for
            screening. It calls ``score`` from other threads, perhaps several at once, with images
            on any device.
        no_gradients: Why it is not differentiable, and what to do, for the message to a user who
            asks for gradients.
    """

    spec: ImageSpec
    batch_size: int | None = None
    concurrency: int = 1
    networks: Sequence[Any] = ()
    no_gradients: str = "it has no method logits_of(images), which a torch network can have"

    @abstractmethod
    def score(self, images: Any) -> Any:
        """Score images.

        Args:
            images: uint8 [N, C, H, W], a numpy array or a torch tensor as ``spec.array`` says. N
                is the same at each call of a run, unless the target is metered. Do not write to
                them.

        Returns:
            A classifier gives :class:`Scores`: probabilities [N, K], and logits if it has them. A
            target without networks may give :class:`Labels` instead. An objective gives floats
            [N, K], any real numbers ([N] will do for one niche); with a grid, a pair of scores [N]
            and measures [N, D]. An image whose numbers are not finite counts as refused.

        Raises:
            TargetUnavailable: The target cannot be reached now; the run pauses.
        """

    def fingerprint(self) -> str:
        """Give text that changes when the scores change (a hash of the weights, say).

        A run resumes only if it is the same. If it is empty, the framework makes one from the
        plugin's name, options, code and spec.
        """
        return ""

    def self_check(self) -> None:  # noqa: B027 - there may be nothing to check
        """Check the target once before a run.

        Raises:
            TargetError: It does not recognise images that it should.
        """

    def describe(self) -> str:
        """Say in a few lines what it is and how it sees images; printed when a run starts."""
        return ""

    def photographs(self) -> Mapping[str, Image]:
        """Give a few real images, by name, that it should recognise.

        ``neatfool transfer`` shows them to several networks, to say how often these agree about
        something real.
        """
        return {}

    def fit_photograph(self, photograph: Image) -> torch.Tensor | np.ndarray:
        """Show itself a photograph: the largest middle part, resized (bicubic).

        Args:
            photograph: The photograph, already upright, of any size and mode.

        Returns:
            uint8 [C, H, W] of the spec.
        """
        import numpy as np
        from PIL import Image, ImageOps

        channels, height, width = self.spec.shape
        image = photograph.convert("L" if channels == 1 else "RGB")
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
        return np.array(image).reshape(height, width, channels).transpose(2, 0, 1).copy()

    def close(self) -> None:  # noqa: B027 - there may be nothing to close
        """End all work; called at the end in any case, even during ``score``, which must stop."""


@runtime_checkable
class Differentiable(Protocol):
    """A target whose logits torch can differentiate."""

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Compute what ``score`` gives, for torch to differentiate.

        Log-probabilities are logits too: if ``score`` takes the mean of several networks, give its
        logarithm. Schemes that need gradients call this in their own thread, even during
        ``score``.

        Args:
            images: Floats [N, C, H, W] from 0 to 255.

        Returns:
            Logits [N, K].
        """


class MultiView(ABC):
    """Marks a target that scores several views of each image, ``number`` of them."""

    number: int
    redraws: bool
    """Whether each view is drawn by an encoding of its own."""
    logits_of_a_view: Callable[[torch.Tensor], torch.Tensor]
    """Computes what ``score`` gives for one view of each image, if torch can differentiate that."""

    @abstractmethod
    def encodings(self, encoding: Any) -> list[Any]:
        """Give what draws each view."""


@dataclass(frozen=True)
class Budget:
    """The most that a run may spend; None means no limit.

    Attributes:
        queries: The most images to send.
        requests: The most requests to send.
    """

    queries: int | None = None
    requests: int | None = None


@runtime_checkable
class MeteredTarget(Protocol):
    """A metered target, which costs something to ask. No image is asked twice in a run."""

    def meter(self, ledger: Any) -> None:
        """Take the budget; called before ``score``.

        Args:
            ledger: A :class:`~neatfool.Ledger`, to debit before each request that is sent. The run
                ends when the budget does.
        """


class Guard:
    """Marks a target that stands in front of another, its ``inner``; detectors look at that."""

    inner: Target


def behind(target: Target) -> Target:
    """Return the target behind a guard, or the target itself if there is none."""
    return target.inner if isinstance(target, Guard) else target
