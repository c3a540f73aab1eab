"""In-distribution images: what a detector is fitted to, and what sets its threshold."""

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from neatfool.errors import ExperimentError
from neatfool.models.photographs import Photograph, photographs_in, photographs_of
from neatfool.spec.fitting import fit_images, fit_photograph
from neatfool.spec.target import Target

MOST: Final = 10_000
"""At most this many images fit a detector, and as many more set its threshold."""
MOST_BYTES: Final = 2**29
"""And at most so much memory for all: 3,500 photographs of 224x224 pixels."""
FEWEST_TO_DIVIDE: Final = 30
"""Fewer are not divided: half of them would say too little."""
HOW: Final = "in_distribution = FOLDER in an experiment, --in-distribution FOLDER in a command"
"""How to give more."""


@dataclass(frozen=True)
class InDistribution:
    """In-distribution images of a target's size.

    Attributes:
        fitted: uint8 [N, C, H, W], what detectors are fitted to.
        held_out: uint8 [M, C, H, W], others, which set the threshold and tell the rates.
        source: Where they come from, in words.
        divided: Whether the two are different images. A handful is not divided.
        trained: Whether the target may have been trained on what detectors are fitted to.
        labels: What the images :attr:`unseen` show; empty where that is not known.
        hashes: Of each image :attr:`unseen`, the first 16 digits of the SHA-256 of its pixels, in
            RGB and of its own size.
    """

    fitted: torch.Tensor
    held_out: torch.Tensor
    source: str
    divided: bool
    trained: bool = False
    labels: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    @property
    def unseen(self) -> torch.Tensor:
        """The images that show how sure the target is: all that it was not trained on."""
        if self.trained or not self.divided:
            return self.held_out
        return torch.cat([self.fitted, self.held_out])

    @property
    def few(self) -> bool:
        """Whether so few are held out that rates are rough: one is more than a hundredth."""
        return len(self.held_out) < 100 or not self.divided

    def describe(self) -> str:
        """Say what they are, and how many."""
        text = f"{len(self.held_out):,} in-distribution images ({self.source}) set the thresholds"
        if self.divided:
            text += f", and {len(self.fitted):,} others fit the detectors"
        return text + ("; these are few, so rates are rough." if self.few else ".")

    def check_divided(self, detector: str) -> None:
        """Check that there are images to fit a detector to, which finds these usual, and others."""
        if not self.divided:
            raise ExperimentError(
                f"the detector {detector} must be fitted to some in-distribution images, and "
                f"others set its threshold; {len(self.held_out)} are too few for both. Give at "
                f"least {FEWEST_TO_DIVIDE} ({HOW}), or choose msp or energy"
            )

    def digest(self) -> bytes:
        """Hash all images."""
        digest = sha256(f"{len(self.fitted)} {len(self.held_out)}".encode())
        for part in (self.fitted, self.held_out) if self.divided else (self.fitted,):
            digest.update(part.numpy().tobytes())
        return digest.digest()


def in_distribution(target: Target, folder: str | Path | None = None) -> InDistribution:
    """Find in-distribution images for a target.

    Photographs are shown as the target was trained to see them; of too many some, evenly.

    Args:
        target: The target.
        folder: A folder with MNIST's four idx files, or one as for :func:`photographs_in`. By
            default the target's own photographs.

    Raises:
        ExperimentError: There are none, or they cannot be read.
    """
    folder = None if folder is None else Path(folder)
    if folder is not None and has_mnist(folder):
        # Fit to digits that networks are trained on, hold out those that they are tested on.
        digits = read_mnist(folder)
        fitted, held_out = (
            fit_images(torch.from_numpy(part.images[:MOST].copy())[:, None], target.spec)
            for part in (digits.training, digits.test)
        )
        labels = tuple(map(str, digits.test.labels[:MOST].tolist()))
        source = f"MNIST of {folder}"
        hashes = [_hash(Image.fromarray(each)) for each in digits.test.images[:MOST]]
        more: Any = {"divided": True, "trained": True, "labels": labels, "hashes": tuple(hashes)}
        return InDistribution(fitted, held_out, source, **more)
    photographs = _photographs(folder, target)
    most = min(2 * MOST, MOST_BYTES // math.prod(target.spec.shape))
    some = photographs[:: math.ceil(len(photographs) / most)]
    images = list[torch.Tensor]()
    hashes = list[str]()
    for each in some:
        photograph = each.open()
        images.append(fit_photograph(photograph, target))
        hashes.append(_hash(photograph))
    source = "the target's own" if folder is None else f"of {folder}"
    return divide(torch.cat(images), source, ["".join(each.shows[:1]) for each in some], hashes)


def _hash(image: Image.Image) -> str:
    return sha256(image.convert("RGB").tobytes()).hexdigest()[:16]


def count_in_distribution(folder: Path) -> int:
    """Count the images that :func:`in_distribution` would find, before a target is loaded.

    Raises:
        ExperimentError: There are too few.
    """
    return MOST if has_mnist(folder) else len(_photographs(folder))


def _photographs(folder: Path | None, *targets: Target) -> list[Photograph]:
    found = photographs_of(targets) if folder is None else photographs_in(folder)
    if len(found) < 2:
        raise ExperimentError(
            f"{'the target brings no photographs along' if folder is None else folder}: too few "
            f"in-distribution images; give at least two, better a thousand, in a folder ({HOW})"
        )
    return found


def divide(
    images: torch.Tensor, source: str, labels: Sequence[str] = (), hashes: Sequence[str] = ()
) -> InDistribution:
    """Fit to every second image, and hold out the others, unless there are too few."""
    known: Any = {"labels": tuple(labels), "hashes": tuple(hashes)}
    if len(images) < FEWEST_TO_DIVIDE:
        return InDistribution(images, images, source, divided=False, **known)
    known = {name: (*each[::2], *each[1::2]) for name, each in known.items()}
    parts = images[::2].contiguous(), images[1::2].contiguous()
    return InDistribution(*parts, source, divided=True, **known)


@dataclass(frozen=True)
class Digits:
    """Images of digits, uint8 [N, 28, 28] with ink of 255, and which digits they are, uint8 [N]."""

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
            digest.update(part.images.tobytes() + part.labels.tobytes())
        return digest.hexdigest()


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read a file of unsigned bytes; its first bytes, not its name, tell whether it is gzipped."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return _parse_idx(content, dimensions)
    except (EOFError, OSError, ValueError, struct.error, zlib.error) as error:
        why = getattr(error, "strerror", None) or f"damaged ({error}); fetch it again"
        raise ExperimentError(f"{path}: {why}") from error


def _parse_idx(content: bytes, dimensions: int) -> np.ndarray:
    # A big-endian header: unsigned bytes (8) in so many dimensions, each a 32-bit integer.
    magic, *shape = struct.unpack_from(f">{1 + dimensions}I", content)
    if magic != 0x800 + dimensions:
        raise ValueError(f"not an idx file of unsigned bytes in {dimensions} dimensions")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_mnist(folder: Path) -> Mnist:
    """Read the data set from a folder with MNIST's four idx files, each gzipped (``.gz``) or not.

    Raises:
        ExperimentError: A file is missing, damaged, or does not hold MNIST's images or labels.
    """
    files = _find_files(folder)
    if missing := [name for name, path in files.items() if path is None]:
        raise ExperimentError(
            f"{folder}: holds neither {missing[0]} nor {missing[0]}.gz; give the folder with "
            "MNIST's four idx files"
        )
    paths = [path for path in files.values() if path is not None]
    return Mnist(_read_part(*paths[:2]), _read_part(*paths[2:]))


def has_mnist(folder: Path) -> bool:
    """Tell whether a folder has all four files."""
    return None not in _find_files(folder).values()


def _find_files(folder: Path) -> dict[str, Path | None]:
    kinds = ("images-idx3", "labels-idx1")
    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in kinds]
    both = {name: (folder / name, folder / f"{name}.gz") for name in names}
    return {name: next(filter(Path.exists, paths), None) for name, paths in both.items()}


def _read_part(image_file: Path, label_file: Path) -> Digits:
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if not len(labels) or images.shape != (len(labels), 28, 28) or labels.max() > 9:
        sizes = "x".join(map(str, images.shape))
        raise ExperimentError(
            f"{image_file}: holds {sizes} numbers, and {label_file.name} {len(labels)} labels; "
            "MNIST's images have 28x28, and a label from 0 to 9 each"
        )
    return Digits(images, labels)
