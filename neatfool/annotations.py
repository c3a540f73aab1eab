"""How the text of an INI value becomes what pydantic takes, by the field's annotation."""

from __future__ import annotations

import json
import types
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from neatfool.ini_values import split, unquote

if TYPE_CHECKING:
    from neatfool.ini import Value
    from neatfool.spec import Json

_NONE = type(None)


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Find the model that a field is, perhaps an optional one; None if it is something else."""
    members = [member for member in alternatives(annotation) if member is not _NONE]
    if len(members) == 1 and _is_a(members[0], BaseModel):
        model: type[BaseModel] = members[0]
        return model
    return None


def from_text(annotation: Any, value: Value) -> Json:
    """Make what pydantic validates of what was given.

    - A list's items are separated by commas or line ends; numbers and fixed words also by spaces.
    - A mapping, or a list of lists, is JSON.
    - A path is relative to where it was given.
    - All else is text, which pydantic reads as the field's type.

    Args:
        annotation: The field's type.
        value: What was given; JSON is left as it is.
    """
    if value.base is None:
        return value.given
    text: str = value.given
    members = alternatives(annotation)
    lists = [
        member for member in members if _is_a(_kind(member), Collection, but=str | bytes | Mapping)
    ]
    if any(_is_a(_kind(member), Mapping) for member in members) or (lists and text[:1] == "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if not lists:
        return _scalar(members, unquote(text), value.base)
    item_types = [
        member
        for a_list in lists
        for argument in get_args(a_list)
        for member in alternatives(argument)
    ]
    items = split(text, at_spaces=bool(item_types) and all(map(_is_one_word, item_types)))
    if len(items) == 1 and len([member for member in members if member is not _NONE]) > len(lists):
        return _scalar(members, items[0], value.base)
    return [_scalar(item_types, item, value.base) for item in items]


def alternatives(annotation: Any) -> list[Any]:
    """List the types that a union is made of; another type is its own only alternative."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in alternatives(part)]
    return [annotation]


def _scalar(members: Collection[Any], text: str, base: Path) -> str:
    """Make a path absolute, if text can only be a path; leave other text."""
    fixed = {word for member in members for word in _words(member)}
    is_path = any(_is_a(member, PurePath) for member in members) and str not in members
    if not is_path or not text or text in fixed:
        return text
    return str((base / Path(text).expanduser()).absolute())


def _words(member: Any) -> tuple[Any, ...]:
    return get_args(member) if get_origin(member) is Literal else ()


def _is_one_word(member: Any) -> bool:
    if words := _words(member):
        return not any(" " in str(word) for word in words)
    return _is_a(member, int | float)


def _kind(annotation: Any) -> Any:
    return get_origin(annotation) or annotation


def _is_a(thing: Any, kind: Any, *, but: Any = ()) -> bool:
    return isinstance(thing, type) and issubclass(thing, kind) and not issubclass(thing, but)
