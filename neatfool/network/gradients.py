"""Log-odds of images, and their gradients by each pixel."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from neatfool.errors import ExperimentError, TargetError, blaming
from neatfool.network.devices import EXACT_CONVOLUTIONS
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Differentiable, Target

LogitsOf: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"


def gradients_of(target: Target | None, otherwise: str) -> LogitsOf:
    """Give a target's method ``logits_of``, which torch can differentiate.

    Args:
        target: The target, or None.
        otherwise: What the user can do without one, for the message.

    Raises:
        ExperimentError: There is no target, or it is not differentiable.
    """
    if target is None:
        fault = "the scheme was made without the target, which gives gradients; let its factory"
        raise ExperimentError(f"{fault} have a parameter `target`, and pass it on, or {otherwise}")
    if not isinstance(target, Differentiable):
        fault = f"the target gives no gradients: {target.no_gradients}"
        raise ExperimentError(f"{fault}; {otherwise}")
    return target.logits_of


def odds_and_gradients(
    logits_of: LogitsOf,
    images: np.ndarray,
    classes: Sequence[int],
    *,
    at_once: str,
    spec: ImageSpec,
) -> tuple[np.ndarray, np.ndarray]:
    """Differentiate the log-odds of a class of each image by its pixels.

    Log-odds, ``z_c - logsumexp(z_others)``, keep a useful gradient near 0 and 1. There a softmax is
    so flat that its gradient vanishes in single precision.

    Args:
        logits_of: The target's method.
        images: uint8 [N, C, H, W].
        classes: For each image the class.
        at_once: The name of the option for N, which the message gives if memory runs out.
        spec: The target's spec. It says whether a class's logit is its log-odds already.

    Returns:
        The log-odds, float64 [N], and the gradients for a grey level, float32 [N, C, H, W].

    Raises:
        TargetError: The target failed, or its logits cannot be differentiated.
    """
    pixels = torch.from_numpy(images).float().requires_grad_()
    places = torch.arange(len(images)), torch.tensor(classes)
    # Scoring, perhaps in another thread, uses the same: full precision and repeatable bits.
    with torch.enable_grad(), EXACT_CONVOLUTIONS:
        # A clone, as a module may write to its input.
        logits = _logits(logits_of, pixels.clone(), at_once).cpu().double()
        odds = logits[places]
        if not spec.stands_alone(logits.shape[1]):
            others = logits.index_put(places, torch.full_like(odds, -torch.inf))
            odds = odds - others.logsumexp(1)
        try:
            (gradients,) = torch.autograd.grad(odds.sum(), pixels)
        except RuntimeError as error:
            advice = "it must not detach, round, or compute without gradients"
            advice = f"give fewer {at_once}" if "memory" in str(error) else advice
            fault = "the logits of the target's logits_of() cannot be differentiated"
            raise TargetError(f"{fault}: {error}; {advice}") from error
    if not gradients.isfinite().all():
        raise TargetError("the target's gradients are not finite (NaN or infinite)")
    return odds.detach().numpy(), gradients.numpy()


def _logits(logits_of: LogitsOf, pixels: torch.Tensor, at_once: str) -> torch.Tensor:
    shape = "x".join(map(str, pixels.shape))
    fault = f"the target's logits_of() failed on {shape} images (if memory ran out, give fewer "
    with blaming(f"{fault}{at_once})", TargetError):
        logits: Any = logits_of(pixels)
    if not isinstance(logits, torch.Tensor) or logits.shape[:-1] != (len(pixels),):
        fault = f"logits_of() gave {type(logits).__name__} for {len(pixels)} images"
        raise TargetError(f"the target's {fault}; give a tensor [N, K]")
    return logits
