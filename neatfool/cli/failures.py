"""How the command line ends when something went wrong: a message and an exit code.

====  =====================================================================
code  meaning
====  =====================================================================
0     all went well
1     a bug (or the reader of a pipe went away)
2     the experiment file, an option or a name on the command line is wrong
3     a plugin is missing or broken, or fails its checks
4     the target failed, or gave scores that cannot be used
5     a run folder is missing, in use, damaged, or does not fit
6     the disk is full or read-only, or a file may not be written
7     saved images do not score what was recorded
8     the budget is spent: what may be asked of the target has been asked
130   interrupted with Ctrl-C
====  =====================================================================
"""

from __future__ import annotations

import errno
import traceback
from typing import Final

import click

from neatfool.errors import NeatfoolError, StorageError

INTERRUPTED: Final = 130
_STORAGE: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "check its permissions, or use another place",
    errno.EPERM: "check its permissions, or use another place",
}


def exit_code_of(error: BaseException, *, debug: bool) -> int:
    """Tell on standard error what went wrong, and give the exit code.

    Args:
        error: What was raised.
        debug: Whether to show the traceback too.
    """
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    if isinstance(error, NeatfoolError):
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _STORAGE:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {place}{error.strerror}; {_STORAGE[error.errno]}", err=True)
        return StorageError.exit_code
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        click.echo("error: out of memory; use a smaller batch or image", err=True)
        return 1
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    click.echo(
        f"error: {told}. This is a bug in neatfool or a plugin; "
        "`neatfool --debug ...` shows where, please report it",
        err=True,
    )
    return 1
