"""Images out of a request's tensor: from JSON, nested or flat, or from raw bytes."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.serving.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Sequence

DATATYPES: Final[dict[str, np.dtype[Any]]] = {"UINT8": np.dtype(np.uint8), "FP32": np.dtype("<f4")}
"""The kinds of numbers that images may be sent as."""


def from_json(data: Any, shape: Sequence[int], datatype: str) -> np.ndarray:
    """Read images from lists.

    Args:
        data: The numbers, row by row: nested as ``shape`` says, or flat.
        shape: [N, C, H, W].
        datatype: One of :data:`DATATYPES`.

    Returns:
        uint8 [N, C, H, W].

    Raises:
        Refusal: There are not as many, or they are no bytes.
    """
    numbers = _flat(data, shape)
    if datatype == "FP32":
        return _as_bytes(_floats(numbers)).reshape(shape)
    try:
        # Three times as fast as numpy, and it refuses what is no byte.
        return np.frombuffer(bytearray(numbers), np.uint8).reshape(shape)
    except ValueError:
        raise bad_request("data: UINT8 goes from 0 to 255") from None
    except TypeError:
        raise bad_request("data: UINT8 is made of whole numbers from 0 to 255") from None


def from_bytes(data: memoryview, shape: Sequence[int], datatype: str) -> np.ndarray:
    """Read images from little-endian numbers without gaps, row by row.

    Args:
        data: The numbers; if they are UINT8, the images share their memory.
        shape: [N, C, H, W].
        datatype: One of :data:`DATATYPES`.

    Returns:
        uint8 [N, C, H, W].

    Raises:
        Refusal: There are not as many, or they are no bytes.
    """
    dtype = DATATYPES[datatype]
    wanted = math.prod(shape) * dtype.itemsize
    if len(data) != wanted:
        raise bad_request(
            f"binary_data_size is {len(data)}; {datatype} of the shape {list(shape)} has {wanted} "
            "bytes"
        )
    numbers = np.frombuffer(data, dtype)
    return (numbers if datatype == "UINT8" else _as_bytes(numbers)).reshape(shape)


def _flat(data: Any, shape: Sequence[int]) -> list[Any]:
    """Take the numbers out of nested lists, and see that each list is as long as it should be."""
    nested = isinstance(data, list) and data and isinstance(data[0], list)
    lists = [data]
    for size in shape if nested else [math.prod(shape)]:
        for each in lists:
            if not isinstance(each, list):
                raise bad_request(f"data: give lists, flat or nested as the shape {list(shape)}")
            if len(each) != size:
                raise bad_request(
                    f"data: a list has {len(each)} items where the shape {list(shape)} has {size}"
                )
        lists = list(chain.from_iterable(lists))
    return lists


def _floats(numbers: list[Any]) -> np.ndarray:
    try:
        array = np.array(numbers)
    except (ValueError, OverflowError):
        raise bad_request("data: lists are nested deeper than the shape says") from None
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise bad_request("data: FP32 is made of numbers")
    return array


def _as_bytes(numbers: np.ndarray) -> np.ndarray:
    """Make grey levels of floats, none of which may be rounded: what is scored is what was sent."""
    with np.errstate(invalid="ignore"):
        levels = numbers.astype(np.uint8)
    if not np.array_equal(levels, numbers):
        raise bad_request(
            "data: images have whole numbers from 0 to 255, also as FP32; round them, and do not "
            "scale or normalise them"
        )
    return levels
