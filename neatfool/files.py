"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; after the block, that file replaces ``path``.

    If the block raises, the temporary file is deleted.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that at any instant it holds either the old data or the new.

    Args:
        path: The file.
        data: All that it is to hold.
        private: Whether nobody else may read it.
    """
    with replacing(path) as partial:
        partial.touch(0o600 if private else 0o666)
        partial.write_bytes(data)
