"""The errors that neatfool raises on purpose.

Each is a message for a person: where, what, and what to do. The command line prints it without
a traceback (``--debug`` shows one) and exits with the error's ``exit_code``. Any other exception
is a bug.
"""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_QUOTE: Final = 60
"""Characters of a file that a message quotes: enough to find the place again."""
LONGEST_LINE: Final = 1000
"""Characters in a line of a message, whatever it quotes: still less than a screen."""


def printable(text: str, longest: int | None = None) -> str:
    r"""Make text from elsewhere fit for a terminal.

    Args:
        text: What a file, a server or a plugin says.
        longest: The most characters to show; the middle of longer text is left out.

    Returns:
        The text, with ``"\x1b"`` and the like in place of characters that would do something to
        the terminal. Tabs and line ends stay as they are.
    """
    return "".join(
        char if char.isprintable() or char in "\t\n" else char.encode("unicode_escape").decode()
        for char in _shortened(text, longest or len(text))
    )


def quoted(text: str) -> str:
    """Quote text from elsewhere: in quotation marks, fit for a terminal, and not too long."""
    return repr(_shortened(text, LONGEST_QUOTE))


def _shortened(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


class NeatfoolError(Exception):
    """A message without a traceback; the base of every error raised on purpose."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Give the message; nothing in it can do anything to a terminal."""
        lines = super().__str__().split("\n")
        return "\n".join(printable(line, LONGEST_LINE) for line in lines)


class ExperimentError(NeatfoolError):
    """The experiment file, an option or a name on the command line is wrong."""

    exit_code = 2


class PluginError(NeatfoolError):
    """A plugin is missing, broken, or there are two of one name."""

    exit_code = 3


class TargetError(NeatfoolError):
    """The target failed, does not recognise its own images, or gave scores that cannot be used."""

    exit_code = 4


class TargetUnavailable(TargetError):  # noqa: N818 - it says what happened
    """The target cannot be reached now, but may be later: the run pauses."""


class BudgetSpent(NeatfoolError):  # noqa: N818 - it says what happened
    """What may be asked of a target that costs something has been asked."""

    exit_code = 8


class RunError(NeatfoolError):
    """A run folder is missing, in use, damaged, or does not fit what is asked of it."""

    exit_code = 5


class StorageError(NeatfoolError):
    """The disk is full or read-only."""

    exit_code = 6


class VerificationError(NeatfoolError):
    """Saved images did not score what the run recorded."""

    exit_code = 7


@contextmanager
def blaming(who: str) -> Iterator[None]:
    """Turn the exceptions of a plugin's code into an error that names the plugin.

    Args:
        who: What the message calls it.

    Raises:
        PluginError: The block raised an exception that is none of neatfool's own.
    """
    try:
        yield
    except NeatfoolError:
        raise
    except Exception as error:
        raise PluginError(f"{who}: {type(error).__name__}: {error}") from error


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """Say which known names are nearest to a wrong one.

    Args:
        name: What was given.
        known: What there is.
        count: How many names to offer at most.

    Returns:
        ``"; did you mean 'a' or 'b'?"``, or, where nothing is near, ``"; there are: ..."`` with
        the first dozen names, or the empty string where there are none.
    """
    known = sorted({*known} - {""})
    if close := get_close_matches(name, known, n=count, cutoff=0.6):
        return f"; did you mean {' or '.join(repr(match) for match in close)}?"
    if not known:
        return ""
    rest = f", … ({len(known)} in all)" if len(known) > 12 else ""
    return f"; there are: {', '.join(known[:12])}{rest}"
