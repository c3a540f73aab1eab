"""Options in words: what each key of a section takes, its default, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import to_jsonable_python

from neatfool.config.annotations import key_of, model_of
from neatfool.config.option_faults import TYPES
from neatfool.errors import NeatfoolError
from neatfool.files import Json
from neatfool.wording import listed

_BOUNDS: Final = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}


@dataclass(frozen=True)
class OptionDescription:
    """One key of a section."""

    key: str
    type: str
    """What it takes, in words: ``"a whole number >= 1 or auto"``."""
    default: Json
    """What it stands for where it is left out; None if that depends on more than options."""
    required: bool
    description: str


def describe_options(
    model: type[BaseModel], section: str, **given: Any
) -> dict[str, list[OptionDescription]]:
    """Describe a model's options by section; ``given`` ones may change what others stand for."""
    try:
        filled = model.model_validate(given)
    except (ValidationError, NeatfoolError):  # an option must be given
        filled = model.model_construct(**given)
    return _describe(model, section, filled)


def _describe(
    model: type[BaseModel], section: str, filled: BaseModel
) -> dict[str, list[OptionDescription]]:
    schema = model.model_json_schema(schema_generator=_AnySchema)
    absent = getattr(filled, "absent", None)
    known = absent(None) if callable(absent) else {}
    described: dict[str, list[OptionDescription]] = {section: []}
    inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", ())}
    for name in sorted(model.model_fields, key=inherited.__contains__):  # its own come first
        field = model.model_fields[name]
        key = key_of(name, field)
        if inner := model_of(field.annotation):
            value = getattr(filled, name, None)
            part = value if value is not None else inner.model_construct()
            described |= _describe(inner, key, part)
            continue
        option = OptionDescription(
            key=key,
            type=_in_words(schema["properties"][key], schema.get("$defs", {})),
            default=_default(name, field, filled, known),
            required=field.is_required(),
            description=" ".join((field.description or "").split()),
        )
        described[section].append(option)
    return described


class _AnySchema(GenerateJsonSchema):
    """Lets a type that JSON has no schema for be anything."""

    def handle_invalid_for_json_schema(self, *_: Any) -> JsonSchemaValue:
        return {}


def _default(
    name: str, field: FieldInfo, filled: BaseModel, known: Mapping[str, Any]
) -> Json | None:
    if field.is_required():
        return None
    # A default that is validated may be made for this machine, and is then the description's.
    value = field.get_default() if field.validate_default else getattr(filled, name, None)
    return to_jsonable_python(known.get(name) if value is None else value, fallback=str)


def _in_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    kinds: list[str] = []
    for member in schema.get("anyOf", [schema]):
        named = definitions[member["$ref"].rpartition("/")[2]] if "$ref" in member else member
        words = named.get("enum", [named["const"]] if "const" in named else None)
        if words is not None:
            kinds += map(str, words)
        elif named.get("type") != "null":
            is_path = named.get("format", "").endswith("path")
            name = "a path" if is_path else TYPES.get(named.get("type", ""), "anything")
            bounds = [f"{sign} {named[key]}" for key, sign in _BOUNDS.items() if key in named]
            kinds.append(f"{name} {' and '.join(bounds)}".strip())
    return listed([*dict.fromkeys(kinds)], "or")
