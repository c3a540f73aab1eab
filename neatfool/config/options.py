"""A plugin's options: its pydantic model, filled from the sections of an experiment.

The model's fields are the keys of the plugin's section. A field that is itself a model has a
section of its own, named by the field's alias or name.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError

from neatfool.config.annotations import annotation_of, from_text, make_absolute, model_of
from neatfool.config.problems import reword, shown
from neatfool.config.values import Section, Value, write_value
from neatfool.errors import ExperimentError, NeatfoolError, cause, nearest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from neatfool.config.problems import Problems
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.json import Json

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_options(
    model: type[ModelT],
    name: str,
    sections: Mapping[str, Section],
    problems: Problems,
    *,
    reserved: Collection[str] = (),
) -> ModelT | None:
    """Fill an options model from the plugin's section and those of its inner models.

    Args:
        model: The options model.
        name: The plugin's section.
        sections: All sections; a missing one counts as empty.
        problems: Takes all problems.
        reserved: Keys of the plugin's section that belong to the framework.

    Returns:
        The filled model, or None if there were problems.
    """
    reader = _Reader(sections, problems)
    before = len(problems)
    given = reader.collect(model, name, reserved)
    section = reader.section(name)
    try:
        options = model.model_validate(given)
        reader.check_finite(options, name)
    except ValidationError as error:
        reader.note(model, name, error.errors(include_url=False))
    except NeatfoolError as error:
        problems.add_at(section, name, "", str(error))
    except Exception as error:
        fault = f"the options model {model.__qualname__} raised {cause(error)}"
        problems.add_at(section, name, "", fault, of_plugin=True)
    return options if len(problems) == before else None


def check_arguments(model: type[ModelT], **given: Any) -> ModelT:
    """Fill a model whose fields are a function's arguments; text is not taken for numbers.

    Raises:
        ExperimentError: Arguments are wrong; a line for each, which begins with its name.
    """
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as error:
        grouped = _group(model, "", error.errors(include_url=False))
        lines = [
            f"{name}: there is no such argument{nearest(name, model.model_fields)}"
            if errors[0]["type"] == "extra_forbidden"
            else f"{name}: {reword(errors, item)}"
            for (_, name, item), errors in grouped.items()
        ]
        raise ExperimentError("\n".join(lines)) from None


def dump_options(options: BaseModel, name: str) -> dict[str, dict[str, Json]]:
    """Write a filled model as section -> key -> JSON value, the plugin's section first."""
    return _dump(type(options), options.model_dump(mode="json", by_alias=False), name)


def _dump(model: type[BaseModel], dumped: Mapping[str, Json], name: str) -> dict[str, Any]:
    own: dict[str, Json] = {}
    inner: dict[str, Any] = {}
    for field_name, field in model.model_fields.items():
        key, value = key_of(field_name, field), dumped.get(field_name)
        if (submodel := model_of(field.annotation)) is None:
            own[key] = value
        elif value is not None:
            inner |= _dump(submodel, value, key)
    extra = {key: value for key, value in dumped.items() if key not in model.model_fields}
    return {name: own | extra, **inner}


def describe_unset(
    options: BaseModel, name: str, spec: ImageSpec | None
) -> dict[str, dict[str, str]]:
    """Explain the keys that are None in a filled model.

    If the model has a method ``absent(spec)``, it gives the values that such keys stand for; other
    keys are explained by their descriptions.

    Args:
        options: The model.
        name: The plugin's section.
        spec: The target's spec, None if it is not known.

    Returns:
        Section -> key -> the text behind ``key =`` in a comment.
    """
    absent = getattr(options, "absent", None)
    known = absent(spec) if callable(absent) else {}
    comments: dict[str, dict[str, str]] = {name: {}}
    for field_name, field in type(options).model_fields.items():
        key, value = key_of(field_name, field), getattr(options, field_name)
        if isinstance(value, BaseModel):
            comments |= describe_unset(value, key, spec)
        elif value is None and field_name in known:
            comments[name][key] = write_value(known[field_name])
        elif value is None:
            comments[name][key] = f" # {' '.join((field.description or '').split())}"
    return comments


def own_sections(model: type[BaseModel]) -> dict[str, str]:
    """Map the keys of fields that are models, at any depth, to the names of their sections."""
    sections: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if inner := model_of(field.annotation):
            sections |= dict.fromkeys(_keys_of(model, name), key_of(name, field))
            sections |= own_sections(inner)
    return sections


def option_models(model: type[BaseModel], section: str) -> dict[str, type[BaseModel]]:
    """Give the models of a plugin's options by the names of their sections."""
    models = {section: model}
    for name, field in model.model_fields.items():
        if inner := model_of(field.annotation):
            models |= option_models(inner, key_of(name, field))
    return models


def given_of(model: type[BaseModel], section: Mapping[str, Json]) -> dict[str, Any]:
    """Give the values of a recorded section that are not their options' defaults, by key.

    Each comes with its type: (value, annotation).
    """
    return {
        key: (section[key], annotation_of(field))
        for name, field in model.model_fields.items()
        for key in _keys_of(model, name) & section.keys()
        if section[key] != field.get_default(call_default_factory=True, validated_data={})
    }


def key_of(name: str, field: FieldInfo) -> str:
    """Give a field's key (or section): its alias, or else its name."""
    return next(iter(_aliases(field)), name)


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]


def _keys_of(model: type[BaseModel], name: str) -> set[str]:
    aliases = {*_aliases(model.model_fields[name])}
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return aliases | {name} if by_name or not aliases else aliases


class _Reader:
    """Collects the given values of a model, and notes problems where those were given."""

    def __init__(self, sections: Mapping[str, Section], problems: Problems) -> None:
        self._sections = sections
        self._problems = problems
        self._parents: dict[str, str] = {}
        self._given: dict[tuple[str, str], tuple[str, Value]] = {}

    def section(self, name: str) -> Section:
        """Find a section; if it was not given, make an empty one in the place of its parent."""
        if name in self._sections:
            return self._sections[name]
        if name not in self._parents:
            return Section({}, "")
        parent = self.section(self._parents[name])
        return Section({}, parent.where, parent.line, parent.base)

    def collect(
        self, model: type[BaseModel], name: str, reserved: Collection[str] = ()
    ) -> dict[str, Any]:
        """Collect the given values of a model, and note unknown keys."""
        known = {key: field for field in model.model_fields for key in _keys_of(model, field)}
        given: dict[str, Any] = {}
        for key, value in self.section(name).values.items():
            if key in known:
                self._take(model, known[key], name, key, given)
            elif key not in reserved and model.model_config.get("extra") == "allow":
                given[key] = from_text(str, value)
            elif key not in reserved:
                near = nearest(key, {*known, *reserved} - {*own_sections(model)})
                self._problems.add_at(value, name, key, f"unknown key{near}")
        for field_name, field in model.model_fields.items():
            if inner := model_of(field.annotation):
                section = key_of(field_name, field)
                self._parents[section] = name
                if section in self._sections or field.is_required():
                    given[section] = self.collect(inner, section)
            elif (key := key_of(field_name, field)) not in given:
                default = make_absolute(field.default, self.section(name).base)
                if default is not field.default:
                    given[key] = default
        return given

    def _take(
        self, model: type[BaseModel], field: str, name: str, key: str, given: dict[str, Any]
    ) -> None:
        """Take the value of one key."""
        value = self.section(name).values[key]
        annotation = annotation_of(model.model_fields[field])
        canonical = key_of(field, model.model_fields[field])
        if model_of(annotation):
            self._problems.add_at(value, name, key, f"has its own section; write [{canonical}]")
        elif (name, canonical) in self._given:
            self._problems.add_at(value, name, key, f"means {canonical!r}, given already; keep one")
        else:
            self._given[name, canonical] = key, value
            given[canonical] = from_text(annotation, value)

    def check_finite(self, options: BaseModel, name: str) -> None:
        """Note given numbers that are infinite or NaN, if the default is finite."""
        for field_name, field in type(options).model_fields.items():
            key, value = key_of(field_name, field), getattr(options, field_name)
            if isinstance(value, BaseModel):
                self.check_finite(value, key)
            elif (name, key) in self._given and (
                _is_finite(field.default) and not _is_finite(value)
            ):
                as_given, place = self._given[name, key]
                fault = f"must be a finite number, not {shown(place.given)}"
                self._problems.add_at(place, name, as_given, fault)

    def note(self, model: type[BaseModel], name: str, errors: list[ErrorDetails]) -> None:
        """Note pydantic's errors, each at its key."""
        for (section, key, item), of_value in _group(model, name, errors).items():
            as_given, place = self._given.get((section, key), (key, self.section(section)))
            self._problems.add_at(place, section, as_given, reword(of_value, item))


def _group(
    model: type[BaseModel], section: str, errors: list[ErrorDetails]
) -> dict[tuple[str, str, int | None], list[ErrorDetails]]:
    """Group errors by value: a type with alternatives gives several errors for one value."""
    grouped: dict[tuple[str, str, int | None], list[ErrorDetails]] = defaultdict(list)
    for error in errors:
        grouped[_find_place(model, section, error["loc"])].append(error)
    return grouped


def _find_place(
    model: type[BaseModel], section: str, loc: tuple[int | str, ...]
) -> tuple[str, str, int | None]:
    """Find the section and key of an error, and the index of the item if the key is a list."""
    fields = {key: name for name in model.model_fields for key in (name, *_keys_of(model, name))}
    if not loc or loc[0] not in fields:
        return section, str(loc[0]) if loc else "", None
    name = fields[str(loc[0])]
    field = model.model_fields[name]
    if inner := model_of(field.annotation):
        return _find_place(inner, key_of(name, field), loc[1:])
    item = next((part for part in loc[1:] if isinstance(part, int)), None)
    return section, key_of(name, field), item


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
