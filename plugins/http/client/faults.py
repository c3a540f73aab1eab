"""The errors of one request, which HTTP statuses are retried, and the header Retry-After."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Final

from neatfool import TargetError

RETRIED: Final = frozenset((408, 425, 429))
"""The 4xx that may be better the next time; each 5xx may."""


class TransientError(Exception):
    """A request failed in a way that another one may not.

    Attributes:
        outcome: What became of it, in a word or two, for the ledger.
        retry_after: How many seconds the service wants to be left alone; None if it does not say.
    """

    def __init__(self, outcome: str, said: str, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.outcome = outcome
        self.retry_after = retry_after


class NotJsonError(TransientError):
    """An answer came in whole and is no JSON; seldom is the next one better."""

    def __init__(self, said: str) -> None:
        super().__init__("not JSON", said)


class RejectedError(TargetError):
    """The service does not want the request, and would not want it the next time.

    Attributes:
        outcome: What became of it, for the ledger.
    """

    def __init__(self, outcome: str, said: str) -> None:
        super().__init__(said)
        self.outcome = outcome


class RefusedError(Exception):
    """An answer cannot be used, and would be no better the next time."""


class StoppedError(Exception):
    """The target was closed while it waited."""


def read_wait(retry_after: str | None) -> float | None:
    """Read the header ``Retry-After``.

    Args:
        retry_after: Whole seconds, or a date as HTTP writes it; None if there is none.

    Returns:
        Seconds from now, at least 0; None if the header says nothing that can be read.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:12])
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return max(0.0, then - time.time())
