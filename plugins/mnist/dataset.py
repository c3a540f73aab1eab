"""MNIST: four idx files in a folder, or a download by torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import platformdirs

from neatfool import ExperimentError, TargetError

from .idx import read_idx

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

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


def read_folder(folder: Path) -> Mnist:
    """Read the data set from a folder with MNIST's four idx files, each gzipped (``.gz``) or not.

    Raises:
        ExperimentError: A file is missing, damaged, or does not hold MNIST's images or labels.
    """
    files = {name: _find(folder, name) for name in _FILES}
    if missing := [name for name, path in files.items() if path is None]:
        raise ExperimentError(
            f"{folder}: holds neither {missing[0]} nor {missing[0]}.gz; give --data the folder "
            "with MNIST's four idx files, or leave it out to download them"
        )
    paths = [path for path in files.values() if path is not None]
    return Mnist(_read_part(*paths[:2]), _read_part(*paths[2:]))


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


def download(cache: Path | None = None) -> Mnist:
    """Download the data set with torchvision, or read it from the cache (by default the user's).

    Raises:
        TargetError: The download failed.
        ExperimentError: The cached files are damaged.
    """
    from torchvision.datasets import MNIST

    cache = platformdirs.user_cache_path("neatfool") if cache is None else cache
    folder = cache / "MNIST" / "raw"  # where torchvision puts it
    if not all(_find(folder, name) for name in _FILES):
        try:
            MNIST(str(cache), download=True)
        except (RuntimeError, OSError) as error:
            cause = " ".join(str(error).split())
            raise TargetError(
                f"MNIST cannot be downloaded to {cache} ({cause}); if you are offline, get its "
                "four idx files elsewhere and give their folder with --data"
            ) from error
    return read_folder(folder)
