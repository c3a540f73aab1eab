"""Answers that are errors."""

from starlette.exceptions import HTTPException


class ServiceError(HTTPException):
    """An answer that is an error: what went wrong and what to do, and extra headers."""

    def __init__(self, words: str, status: int = 400, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, words, named)
