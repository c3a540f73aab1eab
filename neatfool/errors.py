"""The errors that neatfool raises on purpose; any other exception is a bug.

Each is a message for a person: where, what, and what to do. The command line exits with its
``exit_code``.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import ClassVar, Final

INTERRUPTED: Final = 130
"""The exit code of a command that Ctrl-C ended."""
LONGEST_QUOTE: Final = 60
"""A message quotes at most this many characters: enough to find the place in the file."""
_LISTED: Final = 40
"""A message lists at most so many names."""
_MISSPELT: Final = 0.85
"""Names that are this similar differ by a letter or two."""
LONGEST_LINE: Final = 1000
"""A line of a message has at most this many characters, so that it fits on a screen."""


def printable(text: str, longest: int | None = None) -> str:
    """Make text safe to print on a terminal, by escapes; of a long one the middle is lost."""
    if text.isprintable() and longest is None:  # as nearly all text is, and long data is at once
        return text
    return "".join(
        char if char.isprintable() or char in "\t\n\xa0" else char.encode("unicode_escape").decode()
        for char in _shortened(text, longest or len(text))
    )


def quoted(text: str) -> str:
    """Put text from elsewhere in quotation marks, shortened and safe for a terminal."""
    return repr(_shortened(text, LONGEST_QUOTE))


def _shortened(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


class NeatfoolError(Exception):
    """A message without a traceback; the base of every error raised on purpose."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Give the message, safe to print on a terminal."""
        lines = super().__str__().split("\n")
        return "\n".join(printable(line, LONGEST_LINE) for line in lines)


class ExperimentError(NeatfoolError):
    """The experiment file, an option or a name on the command line is wrong."""

    exit_code = 2


class GenomeError(ExperimentError, ValueError):
    """A text or a graph is no genome."""


class PluginError(NeatfoolError):
    """A plugin is missing or broken, fails its checks, or has the same name as another."""

    exit_code = 3


class TargetError(NeatfoolError):
    """The target failed, does not recognise its own images, or gave unusable scores."""

    exit_code = 4


class TargetUnavailable(TargetError):  # noqa: N818 - it says what happened
    """The target cannot be reached. The run is paused, and ``neatfool resume`` continues it."""


class BudgetSpent(NeatfoolError):  # noqa: N818 - it says what happened
    """The budget for asking the target is spent; ``neatfool resume`` goes on with a larger one."""

    exit_code = 8


class RunError(NeatfoolError):
    """A run folder is missing, in use or damaged, or does not fit the request."""

    exit_code = 5


class UntrustedRun(RunError):  # noqa: N818 - it says what it is
    """Another person made the run, and the user has not agreed to what its record reaches."""


agreement: ContextVar[Callable[[str], bool]] = ContextVar("agreement", default=lambda _: False)
"""Asks the user whether what another person's run reaches is fine; without a user, it is not."""

option_namer: ContextVar[Callable[[str, str], str]] = ContextVar(
    "option_namer", default="[{}] {}".format
)
"""Names an option, by its section and key, as the user gives it: in a file, or as an argument."""


def option(section: str, key: str = "") -> str:
    """Name an option for a message; text behind the key stays behind its name."""
    return option_namer.get()(section, key).rstrip()


class StorageError(NeatfoolError):
    """The disk is full or read-only, or a file may not be written."""

    exit_code = 6


class VerificationError(NeatfoolError):
    """A saved image is missing or damaged, or scores something else than the run recorded."""

    exit_code = 7


@contextmanager
def blaming(who: str, kind: type[NeatfoolError] = PluginError) -> Iterator[None]:
    """Turn exceptions of a plugin's code, and its ``sys.exit``, into an error of a kind."""
    try:
        yield
    except NeatfoolError:
        raise
    except (Exception, SystemExit) as error:
        raise kind(f"{who}: {cause(error)}") from error


def cause(error: BaseException) -> str:
    """Describe an exception: ``"ModuleNotFoundError: No module named 'x' (birds.py, line 3)"``."""
    from neatfool.tracebacks import failing_line

    message = str(error)
    line = failing_line(error)
    place = f" ({line[1]})" if line else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{place}"


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """Say which known names are nearest to a wrong one.

    Args:
        name: The wrong name.
        known: The right names.
        count: The most names to offer.

    Returns:
        ``"; did you mean 'a' or 'b'?"``; a known name that is a word of the wrong one comes
        first, unless another is spelt almost the same.
        If no name is near: ``"; there are: ..."`` with the first forty names. If no names are
        known: the empty string.
    """
    known = sorted({*known} - {""})
    close = get_close_matches(name, known, n=count, cutoff=0.6)
    if not get_close_matches(name, known, cutoff=_MISSPELT):
        words = [each for each in known if each in re.split(r"[\W_]+", name)]
        close = [*dict.fromkeys(words + close)][:count]
    if close:
        return f"; did you mean {' or '.join(repr(match) for match in close)}?"
    if not known:
        return ""
    rest = f", … ({len(known)} in all)" if len(known) > _LISTED else ""
    return f"; there are: {', '.join(known[:_LISTED])}{rest}"
