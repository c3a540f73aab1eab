"""Compiled activations that cut off, and their way back: one look at each number.

This module is imported only when it is needed, as numba may be missing or may not work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS: Final = "float32[::1]"


def _compile(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def compile_function(function: Callable[..., None]) -> Callable[..., None]:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
        try:
            compiled: Callable[..., None] = numba.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to
            compiled = numba.njit(signature, **options)(function)
        return compiled

    return compile_function


@_compile(f"void({NUMBERS}, float32, float32, {NUMBERS}, boolean[::1])")
def cut_off(
    numbers: np.ndarray, low: float, high: float, clamped: np.ndarray, outside: np.ndarray
) -> None:
    """Clamp numbers, and note which are at a bound or beyond; NaN is not."""
    for i in range(len(numbers)):
        number = numbers[i]
        number = low if number < low else number
        number = high if number > high else number
        clamped[i] = number
        outside[i] = (number <= low) | (number >= high)


@_compile(f"void({NUMBERS}, boolean[::1], {NUMBERS})")
def lead_back(gradients: np.ndarray, outside: np.ndarray, passed: np.ndarray) -> None:
    """Let gradients pass, but for those of numbers outside."""
    for i in range(len(gradients)):
        passed[i] = np.float32(0) if outside[i] else gradients[i]
