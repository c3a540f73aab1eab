"""Types of options: the text of an INI value becomes a value for pydantic, and what it takes."""

from __future__ import annotations

import json
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from neatfool.config.ini import ConfigValue, split, unquote
from neatfool.files import Json

_NONE = type(None)
Mark = TypeVar("Mark")


@dataclass(frozen=True)
class PrefixedPath:
    """Marks text in which a path may follow a word: ``Annotated[str, PrefixedPath("onnx:")]``.

    A relative path is relative to the file that gives it, as for any option. With ``or_name`` the
    text may be a name as well: it is a path if it begins like one (``./``), or is there. With
    ``runs_code`` the file can run code when it is loaded; see :class:`Access`.
    """

    word: str
    or_name: bool = False
    runs_code: bool = False

    def of(self, text: str) -> PrefixedPath | None:
        """Give the mark that holds for a text: itself, if the text begins with the word."""
        return self if text.startswith(self.word) else None


@dataclass(frozen=True)
class PluginNames:
    """Marks a list of names, some of which plugins of a kind may offer.

    An experiment that names one loads it before the options are validated.
    """

    kind: str


class Access(StrEnum):
    """Marks an option by what it can access outside of a run: ``Annotated[str, Access.CONTACTS]``.

    Paths need no mark. Before a run that somebody else made is loaded, the user sees all of this.
    For such a run, neatfool never sends a key, and never loads what can run code.
    """

    LOADS = "loads"
    CONTACTS = "contacts"
    SENDS_KEY = "sends the key"
    RUNS_CODE = "runs the code of"


def key_of(name: str, field: FieldInfo) -> str:
    """Give a field's key (or section): its alias, or else its name."""
    return field.alias or name


def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Map each key that gives a field, its alias and perhaps its name, to the field's name."""
    keys = {key_of(name, field): name for name, field in model.model_fields.items()}
    by_name = model.model_config.get("populate_by_name")
    return keys | ({name: name for name in model.model_fields} if by_name else {})


def annotation_of(field: FieldInfo) -> Any:
    """Give a field's type with its annotations, as it was written."""
    annotation: Any = field.annotation
    for mark in field.metadata:
        annotation = Annotated[annotation, mark]
    return annotation


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Give the model that a field's type is, perhaps an optional one; None for other types."""
    members = [member for member in alternatives(annotation) if member is not _NONE]
    if len(members) == 1 and _is_a(members[0], BaseModel):
        model: type[BaseModel] = members[0]
        return model
    return None


def from_text(annotation: Any, value: ConfigValue) -> Json:
    """Turn a value into what pydantic validates as a type; JSON stays as it is.

    - Commas or line ends separate the items of a list; between numbers or fixed words spaces do.
    - A mapping, or a list of lists, is JSON.
    - A path is made absolute, also one that follows a word (:class:`PrefixedPath`).
    - Anything else is text, which pydantic reads as the field's type.
    """
    if value.base is None:
        return value.given
    text: str = value.given
    members = alternatives(annotation)
    marks = [*_marks(annotation, PrefixedPath)]
    lists = [each for each in members if _is_a(_kind(each), Collection, but=str | bytes | Mapping)]
    if any(_is_a(_kind(member), Mapping) for member in members) or (lists and text[:1] == "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if not lists:
        return _scalar(members, unquote(text), value.base, marks)
    arguments = [argument for a_list in lists for argument in get_args(a_list)]
    item_types = [member for argument in arguments for member in alternatives(argument)]
    items = split(text, at_spaces=bool(item_types) and all(map(_is_one_word, item_types)))
    if len(items) == 1 and len([member for member in members if member is not _NONE]) > len(lists):
        return _scalar(members, items[0], value.base, marks)
    return [_scalar(item_types, item, value.base, marks) for item in items]


def alternatives(annotation: Any) -> list[Any]:
    """List the members of a union; any other type is its own only alternative."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in alternatives(part)]
    return [annotation]


def reached_by(annotation: Any, text: str) -> Access | None:
    """Say what an option of a type reaches if ``text`` is its value; None if nothing."""
    for mark in _marks(annotation, PrefixedPath):
        if after := mark.of(text):
            return Access.RUNS_CODE if after.runs_code else Access.LOADS
    for reaches in _marks(annotation, Access):
        return reaches
    kinds = [_kind(argument) for argument in (*_marks(annotation, type), annotation)]
    return Access.LOADS if any(_is_a(kind, PurePath) for kind in kinds) else None


def is_marked(annotation: Any, kind: type[object]) -> bool:
    """Say whether a type, or a part of it, has a mark of a kind."""
    return any(True for _ in _marks(annotation, kind))


def _marks(annotation: Any, kind: type[Mark]) -> Iterator[Mark]:
    for part in get_args(annotation):
        if isinstance(part, kind):
            yield part
        else:
            yield from _marks(part, kind)


def _scalar(
    members: Collection[Any], text: str, base: Path, marks: Collection[PrefixedPath] = ()
) -> str:
    """Make a path absolute, if the text must be a path or has one after a mark."""
    for mark in marks:
        if (after := mark.of(text)) and (rest := text.removeprefix(after.word)):
            path = _join(base, rest)
            name = after.or_name and rest[0] not in "./~" and not Path(path).exists()
            return text if name else after.word + path
    fixed = {word for member in members for word in _words(member)}
    is_path = any(_is_a(member, PurePath) for member in members) and str not in members
    if not is_path or not text or text in fixed:
        return text
    return _join(base, text)


def _join(base: Path, text: str) -> str:
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
