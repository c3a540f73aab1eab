"""Names of classes as options give them: one by one, or as a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel

from neatfool.config.annotations import PathAfter
from neatfool.config.options import key_of
from neatfool.files import read_names

_FILE: Final = "@"


def _read_files(items: list[str]) -> list[str]:
    names: list[str] = []
    for item in items:
        is_file = item.startswith(_FILE) and len(item) > 1
        names += read_names(Path(item[1:])) if is_file else [item]
    return names


ClassNames = Annotated[list[Annotated[str, PathAfter(_FILE)]], AfterValidator(_read_files)]
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
