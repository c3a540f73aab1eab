"""Idx, the file format of MNIST: a big-endian header, then the numbers.

The header has two zero bytes, a byte for the type of the numbers (8: unsigned bytes), a byte for
the number of dimensions, and each dimension as a 32-bit unsigned integer.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import ExperimentError

if TYPE_CHECKING:
    from pathlib import Path

_GZIPPED: Final = b"\x1f\x8b"
_UNSIGNED_BYTES: Final = b"\x00\x00\x08"
_REMEDY: Final = "delete it and fetch it again"


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read a file of unsigned bytes; its first bytes, not its name, tell whether it is gzipped.

    Args:
        path: The file.
        dimensions: How many dimensions it should have: 3 for images, 1 for labels.

    Returns:
        Read-only uint8, in the shape of the file's header.

    Raises:
        ExperimentError: The file cannot be read, is of another kind, or is not complete.
    """
    content = _read(path)
    magic = _UNSIGNED_BYTES + bytes([dimensions])
    start = len(magic) + 4 * dimensions
    if content[: len(magic)] != magic:
        raise ExperimentError(
            f"{path}: begins with {content[: len(magic)].hex(' ') or 'nothing'}; an idx file of "
            f"unsigned bytes in {dimensions} dimensions begins with {magic.hex(' ')}; {_REMEDY}"
        )
    if len(content) < start:
        raise ExperimentError(f"{path}: ends within its header; {_REMEDY}")
    shape = struct.unpack(f">{dimensions}I", content[len(magic) : start])
    if len(content) - start != math.prod(shape):
        raise ExperimentError(
            f"{path}: holds {len(content) - start} bytes of data, but its header says "
            f"{' x '.join(map(str, shape))} = {math.prod(shape)}; {_REMEDY}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from error
    if not content.startswith(_GZIPPED):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ExperimentError(f"{path}: damaged gzip file ({error}); {_REMEDY}") from error
