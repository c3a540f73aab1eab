"""Errors as messages on standard error, and the exit code of each."""

import errno
import logging
import os
import re
import signal
import sys
import traceback
from contextlib import suppress
from io import StringIO
from typing import Final, TextIO

import click

from neatfool.errors import (
    INTERRUPTED,
    LONGEST_LINE,
    NeatfoolError,
    PluginError,
    StorageError,
    printable,
)
from neatfool.network.devices import is_out_of_memory
from neatfool.tracebacks import failing_line

_log = logging.getLogger("neatfool")

PREFIX: Final = "error: "
"""Every error message starts with this."""
_HINT: Final = "`neatfool --debug ...` shows the traceback"
_STORAGE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}
"""Errors of the disk, which are no bugs."""


def show_error(error: BaseException) -> int:
    """Print an error's message, and its traceback with ``--debug``; give the exit code."""
    if debug := _log.level == logging.DEBUG:
        _tell("".join(traceback.format_exception(error)))
    if is_hang_up := _is_hang_up(error):
        silence(sys.stdout)
        silence(sys.stderr)
    if isinstance(error, KeyboardInterrupt | click.Abort) or is_hang_up:
        _tell("Interrupted.\n")
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
        place = error.filename or "cannot write"
        _say(f"{place}: {error.strerror}; free some space, check permissions, or write elsewhere")
        if not error.filename:
            silence(sys.stdout)
        return StorageError.exit_code
    if is_out_of_memory(error):
        _say("out of memory; use a smaller batch or image, or allow more memory (`ulimit -v`)")
        return 1
    first = printable(f"{type(error).__name__}: {error}".splitlines()[0], LONGEST_LINE)
    if line := failing_line(error):
        _say(f"{line[1]}: {first}. The plugin failed, not neatfool; {_HINT}")
        return PluginError.exit_code
    _say(f"{first}. This is a bug in neatfool; {_HINT}, please report it")
    return 1


def _is_hang_up(error: BaseException) -> bool:
    """Say whether a terminal could not be written to because it was closed, as a signal says."""
    if not isinstance(error, OSError) or error.errno != errno.EIO or error.filename:
        return False
    number = getattr(signal, "SIGHUP", None)  # It is ignored after the first.
    return number is not None and signal.getsignal(number) is signal.SIG_IGN


def show_reworded(error: click.ClickException) -> int:
    """Print click's error as neatfool prints its own: ``error: ...``, safe for a terminal."""
    output = StringIO()
    error.show(output)
    words = re.sub("^Error: ", PREFIX, output.getvalue(), flags=re.MULTILINE)
    _tell(printable(words))
    return error.exit_code


def _say(message: str) -> None:
    _tell(printable(f"{PREFIX}{message}\n"))


def _tell(text: str) -> None:
    try:
        click.echo(text, err=True, nl=False)
    except OSError:  # The exit code still says what happened.
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Discard what a stream could not write: it would be tried again when Python ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
