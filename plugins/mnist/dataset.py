"""MNIST, downloaded by torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs

from neatfool import TargetError
from neatfool.ood import has_mnist, read_mnist

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool.ood import Mnist


def read(folder: Path | None) -> Mnist:
    """Read MNIST from a folder with its four idx files; download it if there is none.

    Raises:
        ExperimentError: A file is missing or damaged.
        TargetError: The download failed.
    """
    return download() if folder is None else read_mnist(folder)


def download(cache: Path | None = None) -> Mnist:
    """Download the data set with torchvision, or read it from the cache (by default the user's).

    Raises:
        TargetError: The download failed.
        ExperimentError: The cached files are damaged.
    """
    from torchvision.datasets import MNIST

    cache = platformdirs.user_cache_path("neatfool") if cache is None else cache
    folder = cache / "MNIST" / "raw"  # where torchvision puts it
    if not has_mnist(folder):
        try:
            MNIST(str(cache), download=True)
        except (RuntimeError, OSError) as error:
            cause = " ".join(str(error).split())
            raise TargetError(
                f"MNIST cannot be downloaded to {cache} ({cause}); if you are offline, get its "
                "four idx files elsewhere and give their folder with --data"
            ) from error
    return read_mnist(folder)
