"""Log-odds of images, and their gradients by each pixel, in less memory than torch takes.

For gradients by the image, a convolution does not need its input. PyTorch keeps it all the same,
which is half of the memory of a refinement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch
from torch.overrides import TorchFunctionMode

from neatfool.errors import ExperimentError, NeatfoolError, TargetError
from neatfool.network.devices import EXACT_CONVOLUTIONS
from neatfool.spec.target import Differentiable, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from neatfool.spec.image_spec import ImageSpec

LogitsOf: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"


def gradients_of(target: Target | None, otherwise: str) -> LogitsOf:
    """Give a target's method ``logits_of``, which torch can differentiate.

    Args:
        target: The target, or None.
        otherwise: What the user can do without one, for the message.

    Raises:
        ExperimentError: There is no target, or it is not differentiable.
    """
    if not isinstance(target, Differentiable):
        why = (target or Target).no_gradients
        raise ExperimentError(f"the target gives no gradients: {why}; {otherwise}")
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
        gradients = _gradients(odds, pixels, at_once)
    return odds.detach().numpy(), gradients.numpy()


def _logits(logits_of: LogitsOf, pixels: torch.Tensor, at_once: str) -> torch.Tensor:
    try:
        logits: Any = logits_of(pixels)
    except NeatfoolError:
        raise
    except Exception as error:
        advice = f"; give fewer {at_once}" if "memory" in str(error) else ""
        raise TargetError(
            f"the target's logits_of() failed on {'x'.join(map(str, pixels.shape))} images: "
            f"{type(error).__name__}: {error}{advice}"
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != len(pixels):
        kind = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise TargetError(
            f"the target's logits_of() gave {kind} for {len(pixels)} images; it must give a "
            "tensor [N, K]"
        )
    return logits


def _gradients(odds: torch.Tensor, pixels: torch.Tensor, at_once: str) -> torch.Tensor:
    advice = "it must not detach, round, or compute without gradients"
    if not odds.requires_grad:
        raise TargetError(f"the logits of the target's logits_of() have no gradient; {advice}")
    try:
        (gradients,) = torch.autograd.grad(odds.sum(), pixels)
    except RuntimeError as error:
        lack = f"; give fewer {at_once}" if "memory" in str(error) else f"; {advice}"
        raise TargetError(
            f"the logits of the target's logits_of() cannot be differentiated: {error}{lack}"
        ) from error
    if not gradients.isfinite().all():
        raise TargetError("the target's gradients are not finite (NaN or infinite)")
    return gradients


class Sparing(TorchFunctionMode):
    """Within it, torch keeps less for the way back; results and gradients are the same bits.

    It concerns convolutions in float32 on a CPU whose weights need no gradient.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute in the sparing way if there is one."""
        options = kwargs or {}
        if func is torch.conv2d and args and _BACKWARD is not None and _is_on_its_way(args[0]):
            result = _convolve(*args, **options)
            if result is not None:
                return result
        return func(*args, **options)


_BACKWARD: Final = getattr(torch.ops.aten, "convolution_backward", None)
"""No public function of torch; without it, torch keeps a convolution's input."""
_SETTINGS: Final = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
"""A convolution's other arguments, in torch's order."""


def _is_on_its_way(pixels: Any) -> bool:
    return (
        isinstance(pixels, torch.Tensor)
        and pixels.requires_grad
        and torch.is_grad_enabled()
        and (pixels.dtype, pixels.device.type, pixels.ndim) == (torch.float32, "cpu", 4)
    )


def _convolve(
    pixels: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *more: Any,
    **options: Any,
) -> torch.Tensor | None:
    settings = {**_SETTINGS, **dict(zip(_SETTINGS, more, strict=False)), **options}
    learns = weight.requires_grad or (bias is not None and bias.requires_grad)
    if learns or isinstance(settings["padding"], str):
        return None
    *sides, groups = settings.values()
    pairs = ((side, side) if isinstance(side, int) else side * (2 // len(side)) for side in sides)
    convolved: torch.Tensor = _Convolution.apply(pixels, weight, bias, *pairs, groups)  # type: ignore[no-untyped-call]
    return convolved


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pixels: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        *options: Any,
    ) -> torch.Tensor:
        ctx.save_for_backward(weight)
        ctx.layout, ctx.options = (pixels.shape, pixels.stride()), options
        return torch.conv2d(pixels, weight, bias, *options)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        *sides, groups = ctx.options
        # Of the input, only its shape and layout are looked at.
        pixels = torch.empty_strided(*ctx.layout)
        more = False, [0, 0], groups, [True, False, False]
        assert _BACKWARD is not None
        gradients = _BACKWARD(gradient, pixels, weight, None, *sides, *more)
        return (gradients[0], *[None] * (2 + len(ctx.options)))
