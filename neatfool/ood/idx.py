"""MNIST from its four files, which are in the format idx: a big-endian header, then the numbers.

The header has two zero bytes, a byte for the type of the numbers (8: unsigned bytes), a byte for
the number of dimensions, and each dimension as a 32-bit unsigned integer.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from pathlib import Path

_GZIPPED: Final = b"\x1f\x8b"
_UNSIGNED_BYTES: Final = b"\x00\x00\x08"
_REMEDY: Final = "delete it and fetch it again"
_FILES: Final = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Digits:
    """Images of digits and which digits they are.

    Attributes:
        images: uint8 [N, 28, 28], 0 background and 255 ink.
        labels: uint8 [N], each in [0, 9].
    """

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Mnist:
    """The data set: 60,000 digits to learn from and 10,000 others to be tested on."""

    training: Digits
    test: Digits

    def sha256(self) -> str:
        """Hash the pixels and labels of both parts, in hexadecimal."""
        digest = sha256()
        for part in (self.training, self.test):
            digest.update(part.images.tobytes())
            digest.update(part.labels.tobytes())
        return digest.hexdigest()


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


def read_mnist(folder: Path) -> Mnist:
    """Read the data set from a folder with MNIST's four idx files, each gzipped (``.gz``) or not.

    Raises:
        ExperimentError: A file is missing, damaged, or does not hold MNIST's images or labels.
    """
    files = {name: _find(folder, name) for name in _FILES}
    if missing := [name for name, path in files.items() if path is None]:
        raise ExperimentError(
            f"{folder}: holds neither {missing[0]} nor {missing[0]}.gz; give the folder with "
            "MNIST's four idx files"
        )
    paths = [path for path in files.values() if path is not None]
    return Mnist(_read_part(*paths[:2]), _read_part(*paths[2:]))


def has_mnist(folder: Path) -> bool:
    """Tell whether a folder has all four files."""
    return all(_find(folder, name) for name in _FILES)


def _find(folder: Path, name: str) -> Path | None:
    paths = folder / name, folder / f"{name}.gz"
    return next((path for path in paths if path.exists()), None)


def _read_part(image_file: Path, label_file: Path) -> Digits:
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if images.shape[1:] != (28, 28):
        size = "x".join(map(str, images.shape[1:]))
        raise ExperimentError(f"{image_file}: images of {size} pixels; MNIST's have 28x28")
    if not len(images) or len(images) != len(labels):
        raise ExperimentError(
            f"{label_file}: {len(labels)} labels for the {len(images)} images of "
            f"{image_file.name}; there must be one for each image, and at least one"
        )
    if labels.max() > 9:
        raise ExperimentError(f"{label_file}: label {labels.max()}; MNIST's are digits, 0 to 9")
    return Digits(images, labels)
