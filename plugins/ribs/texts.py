"""Arrays as texts, for a state in JSON."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    numbers = np.frombuffer(
        zlib.decompress(base64.b64decode(text)), np.dtype(dtype).newbyteorder("<")
    )
    return numbers.astype(dtype)
