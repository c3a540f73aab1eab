"""Log-odds of images, and their gradients by each pixel, in less memory than torch takes.

For gradients by the image, a convolution does not need its input, and an activation that cuts off
only where it did. PyTorch keeps all these numbers, which is most of the memory of a refinement.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from neatfool.errors import ExperimentError, NeatfoolError, TargetError
from neatfool.network.devices import EXACT_CONVOLUTIONS
from neatfool.spec.target import Differentiable, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    It concerns float32 on a CPU: convolutions whose weights need no gradient, and activations that
    cut off and do not write to their input.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute in the sparing way if there is one."""
        options = kwargs or {}
        way = _WAYS.get(func)
        if way is not None and args and _is_on_its_way(args[0]):
            result = way(*args, **options)
            if result is not None:
                return result
        return func(*args, **options)


def _is_on_its_way(numbers: Any) -> bool:
    return (
        isinstance(numbers, torch.Tensor)
        and numbers.requires_grad
        and torch.is_grad_enabled()
        and numbers.dtype is torch.float32
        and numbers.device.type == "cpu"
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
    if learns or pixels.ndim != 4 or isinstance(settings["padding"], str) or _BACKWARD is None:
        return None
    *sides, groups = settings.values()
    given = (weight, bias, *map(_pair, sides), groups)
    convolved: torch.Tensor = _Convolution.apply(pixels, *given)  # type: ignore[no-untyped-call]
    return convolved


_BACKWARD: Final = getattr(torch.ops.aten, "convolution_backward", None)
"""No public function of torch; without it, torch keeps a convolution's input."""
_SETTINGS: Final = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
"""A convolution's other arguments, in torch's order."""


def _pair(side: int | tuple[int, ...]) -> tuple[int, ...]:
    return (side, side) if isinstance(side, int) else tuple(side) * (2 // len(side))


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


def _clamp(
    numbers: torch.Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> torch.Tensor | None:
    kernels = _kernels()
    if inplace or kernels is None or _in_a_line(numbers) is None:
        return None
    bounds = min_val, max_val
    clamped: torch.Tensor = _Clamp.apply(numbers, bounds, *kernels)  # type: ignore[no-untyped-call]
    return clamped


# No number is beyond NaN, or at it: infinity passes.
_rectify: Final = partial(_clamp, min_val=0.0, max_val=math.nan)
_WAYS: Final[dict[Any, Callable[..., torch.Tensor | None]]] = {
    torch.conv2d: _convolve,
    functional.hardtanh: _clamp,
    functional.relu6: partial(_clamp, min_val=0.0, max_val=6.0),
    functional.relu: _rectify,
    torch.relu: _rectify,
}


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]] | None:
    """Compile what looks once at each number; None if numba does not work, and torch does it."""
    try:
        from neatfool.compiling import outer

        there = outer("void(float32[::1], float32, float32, float32[::1], boolean[::1])")
        back = outer("void(float32[::1], boolean[::1], float32[::1])")
        return there(_cut_off), back(_lead_back)
    except Exception:  # Whatever is wrong with numba, the renderer says so.
        return None


def _cut_off(
    numbers: np.ndarray, low: float, high: float, clamped: np.ndarray, outside: np.ndarray
) -> None:
    """Clamp numbers, and note which are at a bound or beyond; NaN is not."""
    for i in range(len(numbers)):
        number = numbers[i]
        number = low if number < low else number
        number = high if number > high else number
        clamped[i] = number
        outside[i] = (number <= low) | (number >= high)


def _lead_back(gradients: np.ndarray, outside: np.ndarray, passed: np.ndarray) -> None:
    """Let gradients pass, but for those of numbers outside."""
    for i in range(len(gradients)):
        passed[i] = np.float32(0) if outside[i] else gradients[i]


def _in_a_line(numbers: torch.Tensor) -> np.ndarray | None:
    """Give the numbers in the order of their memory; None if there are gaps."""
    bare = numbers.detach()
    if bare.ndim == 4 and not bare.is_contiguous():
        bare = bare.permute(0, 2, 3, 1)  # channels last
    return bare.view(-1).numpy() if bare.is_contiguous() else None


class _Clamp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        numbers: torch.Tensor,
        bounds: tuple[float, float],
        cut_off: Callable[..., None],
        lead_back: Callable[..., None],
    ) -> torch.Tensor:
        clamped = torch.empty_like(numbers)
        outside = torch.empty(numbers.numel(), dtype=torch.bool)
        cut_off(_in_a_line(numbers), *bounds, _in_a_line(clamped), outside.numpy())
        ctx.save_for_backward(outside)
        ctx.layout, ctx.lead_back = (numbers.shape, numbers.stride()), lead_back
        return clamped

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (outside,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # for second derivatives
            return (gradient.masked_fill(outside.as_strided(*ctx.layout), 0), *[None] * 3)
        passed = torch.empty_strided(*ctx.layout)
        alike = gradient.stride() == passed.stride()
        given = gradient if alike else passed.copy_(gradient)
        ctx.lead_back(_in_a_line(given), outside.numpy(), _in_a_line(passed))
        return (passed, *[None] * 3)
