"""Placeholders such as ``{key}``, filled in before a request is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_PLACE: Final = "{key}"
"""What stands in an address, a header or a body for the key."""


def has_place(template: Any, place: str) -> bool:
    """Say whether a place is in a text of a JSON value."""
    return any(place in text for _, text in find_texts("", template))


def find_texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """List the texts of a JSON value, each with the name that is nearest to it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find_texts(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find_texts(name, inner)
