"""Errors of the command line: a message and an exit code (``neatfool --help`` lists these)."""

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
        cause = error.__cause__
        while isinstance(cause, NeatfoolError):
            cause = cause.__cause__
        # Code of a plugin is behind it.
        hint = f". {_HINT}" if cause and failing_line(cause) and not debug else ""
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
        root = module.partition(".")[0]
        for point in entry_points(GROUP):
            if point.dist and point.module.partition(".")[0] == root:
                place = f"{point.dist.name} {point.dist.version}, {place}"
                break
        _say(f"{place}: {first}. The plugin failed, not neatfool; {_HINT}")
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


def _say(message: str) -> None:
    click.echo(printable(f"{PREFIX}{message}"), err=True)
