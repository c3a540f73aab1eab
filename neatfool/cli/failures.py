"""Errors of the command line: a message and an exit code.

====  =====================================================================
code  meaning
====  =====================================================================
0     all went well
1     a bug (or the reader of a pipe went away)
2     the experiment file, an option or a name on the command line is wrong
3     a plugin is missing or broken, fails, or fails its checks
4     the target failed, or gave unusable scores
5     a run folder is missing, in use, damaged, or does not fit
6     the disk is full or read-only, or a file may not be written
7     saved images do not score what was recorded
8     the budget of a metered target is spent
130   interrupted with Ctrl-C
====  =====================================================================
"""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import IO, Any, Final

import click

from neatfool.errors import (
    LONGEST_LINE,
    NeatfoolError,
    PluginError,
    StorageError,
    failing_line,
    printable,
)
from neatfool.plugin.entries import GROUP, entry_points

INTERRUPTED: Final = 130
PREFIX: Final = "error: "
"""Every error message starts with this."""
_HINT: Final = "`neatfool --debug ...` shows the traceback"
_STORAGE: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "check its permissions, or use another place",
    errno.EPERM: "check its permissions, or use another place",
}


def exit_code_of(error: BaseException, *, debug: bool) -> int:
    """Print an error's message, and its traceback if ``debug``; give the exit code."""
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    if isinstance(error, NeatfoolError):
        hint = "" if debug or not _is_of_a_plugin(error) else f". {_HINT}"
        _say(f"{error}{hint}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _STORAGE:
        place = f"{error.filename}: " if error.filename else ""
        _say(f"{place}{error.strerror}; {_STORAGE[error.errno]}")
        return StorageError.exit_code
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        _say("out of memory; use a smaller batch or image")
        return 1
    first = printable(f"{type(error).__name__}: {error}".splitlines()[0], LONGEST_LINE)
    if line := failing_line(error):
        module, place = line
        who = f"{_distribution_of(module)}{place}"
        _say(f"{who}: {first}. The plugin failed, not neatfool; {_HINT}")
        return PluginError.exit_code
    _say(f"{first}. This is a bug in neatfool; {_HINT}, please report it")
    return 1


@contextmanager
def reworded() -> Iterator[None]:
    """Let click print its errors as neatfool does: ``error: ...``, safe for a terminal."""
    try:
        yield
    except click.ClickException as error:
        show = error.show

        def show_reworded(file: IO[Any] | None = None) -> None:
            output = StringIO()
            show(output)
            words = re.sub("^Error: ", PREFIX, output.getvalue(), flags=re.MULTILINE)
            click.echo(printable(words), file=file, err=True, nl=False)

        error.show = show_reworded  # type: ignore[method-assign]
        raise


def _is_of_a_plugin(error: NeatfoolError) -> bool:
    """Say whether an exception of a plugin's code is behind a message."""
    cause = error.__cause__
    while isinstance(cause, NeatfoolError):
        cause = cause.__cause__
    return cause is not None and failing_line(cause) is not None


def _distribution_of(module: str) -> str:
    """Name the distribution whose plugins a module belongs to; nothing for a file's module."""
    root = module.partition(".")[0]
    for point in entry_points(GROUP):
        if point.dist and point.module.partition(".")[0] == root:
            return f"{point.dist.name} {point.dist.version}, "
    return ""


def _say(message: str) -> None:
    click.echo(printable(f"{PREFIX}{message}"), err=True)
