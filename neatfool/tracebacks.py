"""Finds out whose code raised an exception."""

import sysconfig
from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path
from traceback import walk_tb
from typing import Final

_OWN: Final = {"neatfool", "neatfool_plugins"}
"""The packages whose failures are neatfool's."""


def failing_line(error: BaseException, passing: Collection[str] = ()) -> tuple[str, str] | None:
    """Find the module, and the file and line in words, of a plugin or the user that raised it.

    It is the last line in the file or folder of their code that was called first, before those of
    libraries. If neatfool's code, called by theirs, raised it, there is none, unless that is in a
    package of ``passing``.
    """
    stdlib, installed = sysconfig.get_path("stdlib"), {"site-packages", "dist-packages"}
    plugins = {point.module.partition(".")[0] for point in entry_points(group="neatfool")}
    found: list[tuple[str, Path, int]] = []
    for frame, number in walk_tb(error.__traceback__):
        module: str = frame.f_globals.get("__name__") or ""
        root, file = module.partition(".")[0], frame.f_code.co_filename
        path = Path(file)
        # Code without a file has a name in angle brackets.
        library = file.startswith((stdlib, "<")) or not installed.isdisjoint(path.parts)
        if root in _OWN and not passing:
            found.clear()
        elif root not in passing and (root in plugins or not library):
            found.append((module, path, number))
    if not found:
        return None
    first, folder = found[0][0].partition(".")[0], found[0][1].parent
    module, path, number = next(
        each
        for each in reversed(found)
        if each[0].partition(".")[0] == first or each[1].parent.is_relative_to(folder)
    )
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return module, f"{shown}, line {number}"
