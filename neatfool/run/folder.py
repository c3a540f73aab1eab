"""The folder of a run: its files, its lock, what may be deleted, and advice about it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from neatfool.errors import RunError, StorageError
from neatfool.files import Json, is_stream, lock_folder, make_folder, write_into, write_whole

DATABASE: Final = "run.db"
PARTIAL_DATABASE: Final = "run.db.partial"
EXPERIMENT: Final = "experiment.ini"
IMAGES: Final = "images"
REPORT: Final = "report.html"
LOCK: Final = ".lock"
LOG_ENDINGS: Final = ("-wal", "-shm", "-journal")
START_ANEW: Final = (
    "`neatfool run EXPERIMENT.ini --out FOLDER --overwrite` starts the run anew in its folder"
)
FROM_PYTHON: Final = "python"
"""The name of a target from Python, which is no plugin, in a resolved experiment. A scheme or an
encoding has a colon after it, its own name and a hash of its source."""


def parts_from_python(resolved: Mapping[str, Json]) -> list[str]:
    """Name what of a run is from a Python session and no plugin: target, encoding, scheme."""
    kinds = ("target", "encoding", "scheme")
    named = {kind: str(resolved.get(kind, {}).get("plugin", "")) for kind in kinds}
    return [kind for kind, name in named.items() if name.partition(":")[0] == FROM_PYTHON]


def name_of_part(resolved: Mapping[str, Json], kind: str) -> str:
    """Give the name of a scheme's or an encoding's class that is from a Python session."""
    return str(resolved[kind]["plugin"]).partition(":")[2].partition("@")[0]


def take(folder: Path, *, overwrite: bool) -> AbstractContextManager[Any]:
    """Make a folder, which may be new, ready for a run; give its lock, which is held."""
    with storage_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder}: is a file; give a folder with --out (out in Python)")
        database = folder / DATABASE
        if database.exists() and not overwrite:
            if not database.stat().st_size:
                raise RunError(f"{database}: is empty: it holds no run. {START_ANEW}")
            raise RunError(
                f"{folder}: holds a run already. `neatfool resume {folder}` continues it, or "
                "resume_run=True if Python began it; --overwrite starts it anew, --out writes "
                "elsewhere (in Python: overwrite, out)"
            )
        strangers = sorted(path.name for path in folder.glob("*") if path.name != LOCK)
        if strangers and not (database.exists() or (folder / PARTIAL_DATABASE).exists()):
            advice = "give an empty or new folder with --out (out in Python)"
            raise RunError(f"{folder}: holds no run, but {strangers[0]!r}; {advice}")
        lock = lock_folder(folder)
        # The files that a run wrote are deleted, and nothing else.
        if (images := folder / IMAGES).is_symlink():
            images.unlink()
        elif images.is_dir():
            shutil.rmtree(images)
        databases = (DATABASE, PARTIAL_DATABASE)
        logs = [database + ending for database in databases for ending in LOG_ENDINGS]
        for name in (*databases, *logs, EXPERIMENT, REPORT):
            (folder / name).unlink(missing_ok=True)
    return lock


def require_run(folder: Path) -> None:
    """Raise a RunError unless a folder holds a run."""
    if not (folder / DATABASE).is_file():
        runs = folder if any(folder.glob(f"*/{DATABASE}")) else "runs"
        raise RunError(f"{folder}: not a run folder (no {DATABASE}); give one of {runs}/*")


def refuse_under_way(folder: Path) -> None:
    """Raise a RunError if another process is running the run; its files may lag behind."""
    with suppress(StorageError), lock_folder(folder):  # what cannot be written is not run
        pass


@contextmanager
def storage_errors(folder: Path, kept: str = "") -> Iterator[None]:
    """Turn errors of the disk into a message, which ends with ``kept``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"{folder}: cannot be written: {reason}{kept}") from error


def save(path: str | Path, data: bytes, *, within: Path | None = None) -> Path:
    """Write a file completely or not at all, and give its path. It replaces a link in its place.

    A pipe or a device is written into, unless it stands in a run's folder.

    Args:
        path: The file.
        data: What to write.
        within: A folder above it. Folders between the two are made where they are missing, and
            none of them may be a link.

    Raises:
        StorageError: The file cannot be written, or a run keeps its record in it, or a folder below
            ``within`` is a link.
    """
    path = Path(path)
    of_run = (path.parent / DATABASE).exists()
    if of_run and path.name in {DATABASE, EXPERIMENT}:
        raise StorageError(f"{path}: a run keeps its record there; give another file")
    try:
        if within is not None:
            make_folder(path.parent, within)
        named_by_user = within is None and not of_run
        (write_into if named_by_user and is_stream(path) else write_whole)(path, data)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
