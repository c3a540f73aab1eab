"""Saving files that a person asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.errors import StorageError
from neatfool.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def save(path: Path, data: bytes) -> Path:
    """Write a file completely or not at all, and give its path.

    Raises:
        StorageError: The file cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
