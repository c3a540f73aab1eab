"""Files that are written whole or not at all, and never through a link; and pipes and devices."""

import json
import os
import secrets
import stat
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

from neatfool.errors import RunError, StorageError

__all__ = ["lock_folder", "read_json", "read_names", "read_whole", "refuse_link"]

Json = Any
"""A value for ``json.dumps``: None, bool, int, float, str, lists and string-keyed dicts of them."""
MOST_TO_READ: Final = 2**27
"""A file of a run has at most this many bytes: ten times those of a thousand large images."""


def refuse_link(path: Path) -> Path:
    """Give a path back, unless it is a symbolic link.

    Whoever made a folder may have put links into it that lead anywhere. So what neatfool writes in
    place, or appends to, must not be one.

    Raises:
        StorageError: It is a link.
    """
    if path.is_symlink():
        fault = f"{path}: is a link, and neatfool writes through none"
        raise StorageError(f"{fault}; delete it, or put what it leads to in its place")
    return path


def lock_folder(folder: Path) -> AbstractContextManager[Any]:
    """Make a folder or find it again, and keep other processes out until the lock is released.

    Raises:
        RunError: Another process works in it.
        StorageError: It cannot be written.
    """
    from filelock import FileLock, Timeout  # which `neatfool --help` does not need

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(refuse_link(folder / ".lock"), timeout=0).acquire()
    except Timeout:
        fault = "another process is running it; wait for it or stop it, or give another folder"
        raise RunError(f"{folder}: {fault}") from None
    except OSError as error:
        fault = f"{folder}: cannot be written: {error.strerror or error}"
        raise StorageError(f"{fault}; give another folder") from error


def read_whole(path: Path, most: int = MOST_TO_READ) -> bytes:
    """Read an ordinary file of a folder that a stranger may have made; else a StorageError."""
    # Opening a pipe would wait for somebody to write to it.
    descriptor = os.open(refuse_link(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StorageError(f"{path}: is no ordinary file; delete it")
        data = file.read(most + 1)
    if len(data) > most:
        raise StorageError(f"{path}: has more than {most:,} bytes; delete it")
    return data


def read_json(path: Path) -> Any:
    """Read JSON out of a folder that a stranger may have made.

    Raises:
        ValueError: It is no such file, or cannot be read.
    """
    try:
        return json.loads(read_whole(path))
    except (OSError, StorageError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error


def make_folder(folder: Path, within: Path) -> None:
    """Make a folder below ``within``, which may be a link itself; go through no other link."""
    within.mkdir(parents=True, exist_ok=True)
    path = within
    for name in folder.relative_to(within).parts:
        path /= name
        refuse_link(path).mkdir(exist_ok=True)


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that at any instant it holds either the old data or the new.

    A link in its place is replaced. If ``private``, nobody else may read it.
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


def is_stream(path: Path) -> bool:
    """Say whether a path is a pipe, a device or the like, which is written into, never replaced.

    A link is one only below ``/dev`` and ``/proc``, as ``/dev/stdout``: elsewhere a stranger may
    have put it there.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        folder = path.parent.resolve()
        return folder == Path("/dev") or folder.is_relative_to("/proc")
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_into(stream: Path, data: bytes) -> None:
    """Write into a pipe or a device; what the shell made of ``/dev/stdout`` goes on behind it."""
    own = [each for each in (1, 2) if os.path.samestat(stream.stat(), os.fstat(each))]
    with open(os.dup(own[0]) if own else stream, "wb") as file:  # noqa: PTH123
        file.write(data)


def read_names(path: Path) -> list[str]:
    """Read a UTF-8 text file of names, one a line; skip empty lines and ``#`` comments.

    Returns:
        The names, at least one.

    Raises:
        ValueError: The file cannot be read, or has no name in it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ValueError(f"{path}: {cause}; give a file with one name a line") from error
    names = [name for line in lines if (name := line.strip()) and not name.startswith("#")]
    if not names:
        raise ValueError(f"{path}: has no name in it; give a file with one name a line")
    return names
