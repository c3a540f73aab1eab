"""Compiled activations that cut off, and their way back: one look at each number.

This module is imported only when it is needed, as numba may be missing or may not work.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import outer

NUMBERS: Final = "float32[::1]"


@outer(f"void({NUMBERS}, float32, float32, {NUMBERS}, boolean[::1])")
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


@outer(f"void({NUMBERS}, boolean[::1], {NUMBERS})")
def lead_back(gradients: np.ndarray, outside: np.ndarray, passed: np.ndarray) -> None:
    """Let gradients pass, but for those of numbers outside."""
    for i in range(len(gradients)):
        passed[i] = np.float32(0) if outside[i] else gradients[i]
