"""Writes the folder of a gallery: the page, what it shows, and the saved images."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import StorageError
from neatfool.report import save

from .contents import describe_run, line_of
from .formula import FUNCTIONS, formula, glyphs, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neatfool import EliteView, Run

PAGE: Final = Path(__file__).with_name("page")
INDEX: Final = "index.html"
DATA, IMAGES, SCRIPTS = "data", "images", "page"

MARK: Final = "renderer.js"
"""A folder with this file among its scripts is a gallery, and may be replaced."""

AT_ONCE: Final = 25
"""The formulas in one file: some 100 kB, which a browser reads at once."""


def write_gallery(
    chosen: Sequence[tuple[Run, Sequence[EliteView]]],
    folder: Path,
    *,
    steps: int,
    note: Callable[[str, int], None] = lambda what, more: None,
) -> int:
    """Write a gallery; one that is there is replaced.

    Args:
        chosen: The runs, and of each the elites to show.
        folder: The folder.
        steps: How many ancestors of each elite to show, itself included; 0: none.
        note: Told what is under way, and how many elites are written since it was last told.

    Returns:
        The bytes written.

    Raises:
        RunError: A run is damaged.
        StorageError: The folder cannot be written, or holds something else.
    """
    with _told(folder):
        _make_ready(folder)
        scripts = sorted(PAGE.iterdir())
        total = 0
        for file in scripts:
            if file.name != INDEX and file.is_file():
                total += _write(folder / SCRIPTS / file.name, file.read_bytes())
        runs = []
        for number, (run, elites) in enumerate(chosen):
            total += _write_run(folder, number, run, elites, steps=steps, note=note)
            runs.append(describe_run(run, elites))
        index = {
            "functions": FUNCTIONS,
            "glyphs": glyphs(),
            "runs": runs,
            "together": AT_ONCE,
            "steps": steps,
        }
        total += _write(folder / DATA / "index.js", as_script("index", index))
        # Last, so that a page that is there is whole.
        return total + _write(folder / INDEX, (PAGE / INDEX).read_bytes())


def _write_run(
    folder: Path,
    number: int,
    run: Run,
    elites: Sequence[EliteView],
    *,
    steps: int,
    note: Callable[[str, int], None],
) -> int:
    total, drawn = 0, settings_of(run) is not None
    for first in range(0, len(elites), AT_ONCE):
        formulas = {}
        for elite in elites[first : first + AT_ONCE]:
            total += _write(folder / IMAGES / str(number) / elite.file.name, elite.png)
            if drawn:
                formulas[elite.index] = formula(elite.graph())
                if steps:
                    name = f"line-{elite.index}"
                    line = as_script(f"{number}/{name}", line_of(run, elite, steps))
                    total += _write(folder / DATA / str(number) / f"{name}.js", line)
            note(f"{run.name}, seed {run.seed}", 1)
        if drawn:
            name = f"formulas-{first // AT_ONCE}"
            data = as_script(f"{number}/{name}", formulas)
            total += _write(folder / DATA / str(number) / f"{name}.js", data)
    return total


def as_script(name: str, data: Any) -> bytes:
    """Write data as a script: a page that is opened from disk may load nothing else."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'neatfool.data.put("{name}",{text});\n'.encode("ascii")


def _write(path: Path, data: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, data)
    return len(data)


def _make_ready(folder: Path) -> None:
    """Empty a folder that holds a gallery, whole or not; refuse what is something else."""
    ours = {INDEX, DATA, IMAGES, SCRIPTS}
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: is a file; give another folder with --out")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and (there - ours or not (folder / SCRIPTS / MARK).exists()):
        stranger = sorted(there - ours or there)[0]
        raise StorageError(
            f"{folder}: holds no gallery, but {stranger!r}; give an empty or new folder with --out"
        )
    (folder / INDEX).unlink(missing_ok=True)
    for name in (DATA, IMAGES):
        if (folder / name).exists():
            shutil.rmtree(folder / name)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or error
        raise StorageError(f"{folder}: cannot be written: {what}") from error
