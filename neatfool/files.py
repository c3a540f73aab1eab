"""Files that are written whole or not at all, and never through a link."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from neatfool.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path


def refuse_link(path: Path) -> Path:
    """Give a path back, unless it is a symbolic link.

    Whoever made a folder may have put links into it that lead anywhere. So what neatfool writes in
    place, or appends to, must not be one.

    Raises:
        StorageError: It is a link.
    """
    if path.is_symlink():
        raise StorageError(
            f"{path}: is a link, and neatfool writes through none; delete it, or put what it leads "
            "to in its place"
        )
    return path


def make_folder(folder: Path, within: Path) -> None:
    """Make a folder somewhere below ``within``, which may be a link itself; go through no other.

    Raises:
        StorageError: A folder on the way is a link.
        OSError: It cannot be made.
    """
    within.mkdir(parents=True, exist_ok=True)
    path = within
    for name in folder.relative_to(within).parts:
        path /= name
        refuse_link(path).mkdir(exist_ok=True)


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that at any instant it holds either the old data or the new.

    A link in its place is replaced, and what it leads to stays as it is.

    Args:
        path: The file.
        data: All that it is to hold.
        private: Whether nobody else may read it.
    """
    partial = path.with_name(f".neatfool-{secrets.token_hex(8)}.partial")
    try:
        # Nobody can have put a link there: the name cannot be guessed, and "x" makes a new file.
        with partial.open("xb") as file:
            if private:
                partial.chmod(0o600)
            file.write(data)
        os.replace(partial, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
