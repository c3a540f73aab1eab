"""Refusals: what a client is told in place of an answer."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - an answer too, and no failure of the service
    """An answer with an HTTP status of an error.

    Attributes:
        status: The status, 400 to 599.
        words: What went wrong and what to do.
        headers: Headers beside.
    """

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def bad_request(words: str) -> Refusal:
    """Make the refusal of a request that is wrong in itself."""
    return Refusal(400, words)
