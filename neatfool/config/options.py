"""A plugin's options: its pydantic model, filled from the sections of an experiment."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

from neatfool.config.annotations import (
    PluginNames,
    PrefixedPath,
    annotation_of,
    from_text,
    is_marked,
    key_of,
    keys_of,
    model_of,
)
from neatfool.config.ini import ConfigSection, ConfigValue, Problems
from neatfool.errors import (
    ExperimentError,
    NeatfoolError,
    cause,
    nearest,
    quoted,
)
from neatfool.files import Json, read_names

ModelT = TypeVar("ModelT", bound=BaseModel)


def _read_files(items: list[str]) -> list[str]:
    names: list[str] = []
    for item in items:
        is_file = item.startswith("@") and len(item) > 1
        names += read_names(Path(item[1:])) if is_file else [item]
    return names


ClassNames = Annotated[list[Annotated[str, PrefixedPath("@")]], AfterValidator(_read_files)]
"""The type of an option that lists classes, by name or index.

``@FILE`` stands for the lines of a file; the run records those lines.
"""


def named_classes(options: BaseModel) -> dict[str, list[str]]:
    """Give the classes that options name, by key: the values of the keys of type ``ClassNames``."""
    return {
        key_of(name, field): getattr(options, name)
        for name, field in type(options).model_fields.items()
        for mark in field.metadata
        if isinstance(mark, AfterValidator) and mark.func is _read_files
    }


def plugin_names(
    model: type[BaseModel], name: str, sections: Mapping[str, ConfigSection]
) -> Iterator[tuple[str, str, list[str]]]:
    """Give what sections name where a model's options are ``PluginNames``: section, key, names."""
    for section, part in {name: model, **dict(inner_models(model).values())}.items():
        values = sections[section].values if section in sections else {}
        for key, field_name in keys_of(part).items():
            annotation = annotation_of(part.model_fields[field_name])
            if key in values and is_marked(annotation, PluginNames):
                given = from_text(annotation, values[key])
                items = given if isinstance(given, list) else [given]
                yield section, key, " ".join(map(str, items)).split()


def read_options(
    model: type[ModelT],
    name: str,
    sections: Mapping[str, ConfigSection],
    problems: Problems,
    *,
    reserved: Collection[str] = (),
) -> ModelT | None:
    """Fill an options model from a plugin's sections; None after problems.

    ``reserved`` are the keys of the plugin's section that belong to the framework.
    """
    reader = _Reader(sections, problems)
    before = len(problems)
    given = reader.collect(model, name, ConfigSection({}, ""), reserved)
    try:
        options = model.model_validate(given)
        reader.check_finite(options, name)
    except ValidationError as error:
        reader.note(model, name, error)
    except NeatfoolError as error:
        problems.add_at(reader.places[name], name, "", str(error))
    except (Exception, SystemExit) as error:
        fault = f"the options model {model.__qualname__} raised {cause(error)}"
        problems.add_at(reader.places[name], name, "", fault, of_plugin=True)
    return options if len(problems) == before else None


def check_arguments(model: type[ModelT], **given: Any) -> ModelT:
    """Fill a model whose fields are a function's arguments; text is not taken for numbers."""
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as error:
        from neatfool.config.option_faults import find_faults

        lines = [f"{name}: {fault}" for _, name, fault in find_faults(model, "", error)]
        raise ExperimentError("\n".join(lines)) from None


def dump_options(options: BaseModel, name: str) -> dict[str, dict[str, Json]]:
    """Write a filled model as section -> key -> JSON value, the plugin's section first."""
    dumped: dict[str, dict[str, Json]] = {}
    for section, part in _parts(options, name):
        fields, values = type(part).model_fields, part.model_dump(mode="json", by_alias=False)
        own = {n: field for n, field in fields.items() if model_of(field.annotation) is None}
        dumped[section] = {key_of(n, field): values[n] for n, field in own.items()}
    return dumped


def _parts(options: BaseModel, name: str) -> Iterator[tuple[str, BaseModel]]:
    """Give a filled model and those in it, each with the name of its section."""
    yield name, options
    for field_name, field in type(options).model_fields.items():
        if isinstance(inner := getattr(options, field_name), BaseModel):
            yield from _parts(inner, key_of(field_name, field))


def inner_models(model: type[BaseModel]) -> dict[str, tuple[str, type[BaseModel]]]:
    """Give the fields that are models, at any depth: by key, the section's name and the model."""
    found: dict[str, tuple[str, type[BaseModel]]] = {}
    for key, name in keys_of(model).items():
        field = model.model_fields[name]
        if inner := model_of(field.annotation):
            found |= {key: (key_of(name, field), inner)} | inner_models(inner)
    return found


class _Reader:
    """Collects the given values of a model, and notes problems where those were given."""

    def __init__(self, sections: Mapping[str, ConfigSection], problems: Problems) -> None:
        self._sections, self._problems = sections, problems
        self.places: dict[str, ConfigSection] = {}
        self._given: dict[tuple[str, str], tuple[str, ConfigValue]] = {}

    def collect(
        self,
        model: type[BaseModel],
        name: str,
        parent: ConfigSection,
        reserved: Collection[str] = (),
    ) -> dict[str, Any]:
        """Collect given values. A section that was not given is in the place of its parent."""
        section = self.places[name] = self._sections.get(name, replace(parent, values={}))
        known = keys_of(model)
        given: dict[str, Any] = {}
        for key, value in section.values.items():
            fault = ""
            if key in known:
                field = model.model_fields[known[key]]
                canonical = key_of(known[key], field)
                if model_of(field.annotation):
                    fault = f"has its own section; write [{canonical}]"
                else:
                    self._given[name, canonical] = key, value
                    given[canonical] = from_text(annotation_of(field), value)
            elif key not in reserved:
                fault = "unknown key" + nearest(key, {*known, *reserved} - {*inner_models(model)})
            if fault:
                self._problems.add_at(value, name, key, fault)
        for field_name, field in model.model_fields.items():
            key = key_of(field_name, field)
            if inner := model_of(field.annotation):
                self.places[key] = replace(section, values={})
                if key in self._sections or field.is_required():
                    given[key] = self.collect(inner, key, section)
        return given

    def check_finite(self, options: BaseModel, name: str) -> None:
        """Note given numbers that are infinite or NaN, if the default is finite."""
        for section, part in _parts(options, name):
            for n, field in type(part).model_fields.items():
                given = self._given.get((section, key_of(n, field)))
                if given and _is_finite(field.default) and not _is_finite(getattr(part, n)):
                    key, place = given
                    fault = f"must be a finite number, not {quoted(str(place.given))}"
                    self._problems.add_at(place, section, key, fault)

    def note(self, model: type[BaseModel], name: str, error: ValidationError) -> None:
        """Note pydantic's errors, each at its key."""
        from neatfool.config.option_faults import find_faults

        for section, key, fault in find_faults(model, name, error):
            place = self.places.get(section, ConfigSection({}, ""))
            as_given, value = self._given.get((section, key), (key, place))
            self._problems.add_at(value, section, as_given, fault)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
