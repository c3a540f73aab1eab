"""Refusals: answers that say what is wrong with a request."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the service
    """An HTTP error: status 400 to 599, what went wrong and what to do, and extra headers."""

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def bad_request(words: str) -> Refusal:
    """Refuse a malformed request."""
    return Refusal(400, words)
