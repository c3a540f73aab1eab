"""What pydantic finds wrong with options, in plain words, and where."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from neatfool.config.annotations import key_of, keys_of, model_of
from neatfool.errors import LONGEST_QUOTE, nearest, printable, quoted

TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "list": "a list",
    "object": "a JSON object",
    "dictionary": "a JSON object",
}
"""What a type of JSON or of pydantic's messages is called."""
BOUNDS: Final = {
    "greater than or equal to": ">=",
    "less than or equal to": "<=",
    "greater than": ">",
    "less than": "<",
}
SENTENCES: Final = {
    "missing": "missing; give it a value",
    "path_not_file": "there is no file {}",
    "path_not_directory": "there is no folder {}",
}
"""What is wrong by pydantic's types of errors."""


def find_faults(
    model: type[BaseModel], section: str, error: ValidationError
) -> Iterator[tuple[str, str, str]]:
    """Say what is wrong, by section and key: one value has an error for each alternative type."""
    grouped: dict[tuple[str, str, int | None], list[ErrorDetails]] = defaultdict(list)
    for each in error.errors(include_url=False):
        grouped[_find_place(model, section, each["loc"])].append(each)
    for (name, key, item), errors in grouped.items():
        yield name, key, reword(errors, item)


def _find_place(
    model: type[BaseModel], section: str, loc: tuple[int | str, ...]
) -> tuple[str, str, int | None]:
    key = str(loc[0]) if loc else ""
    name = keys_of(model).get(key, key)
    if name not in model.model_fields:
        return section, key, None
    field = model.model_fields[name]
    if inner := model_of(field.annotation):
        return _find_place(inner, key_of(name, field), loc[1:])
    item = next((part for part in loc[1:] if isinstance(part, int)), None)
    return section, key_of(name, field), item


def reword(errors: Sequence[ErrorDetails], item: int | None = None) -> str:
    """Say in one line what is wrong with a value or an item: ``"must be > 0, not '-5'"``."""
    prefix, given = "" if item is None else f"item {item + 1} ", errors[0]["input"]
    faults = [*dict.fromkeys(map(_fault, errors))]
    if not all(error["msg"].startswith("Input should be ") for error in errors):
        return prefix + "; ".join(faults)
    wanted = " or ".join(fault.removeprefix("must be ") for fault in faults)
    message = f"{prefix}must be {wanted}, not {shown(given)}"
    expected = " ".join(error.get("ctx", {}).get("expected", "") for error in errors)
    near = nearest(str(given), re.findall("'([^']*)'", expected))
    return message + (near if near.startswith("; did you mean") else "")


def _fault(error: ErrorDetails) -> str:
    """Say in plain words what is wrong; of a wrong type: ``"must be ..."``."""
    if error["type"] in SENTENCES:
        return SENTENCES[error["type"]].format(error["input"])
    if own := error.get("ctx", {}).get("error"):  # of a validator
        return str(own)
    words = re.sub(", (unable|got) .*| after validation", "", error["msg"])
    words = re.sub(r"(Input|List) should (\w+)", r"must \2", words)
    for usual, plain in BOUNDS.items():
        words = words.replace(usual, plain)
    words = re.sub(r"a valid (\w+)", lambda match: TYPES.get(match[1], match[0]), words)
    return words if words.startswith("must be ") else f"{words}, got {shown(error['input'])}"


def shown(given: Any) -> str:
    """Write a value for a message; a long one is cut."""
    return quoted(given) if isinstance(given, str) else printable(repr(given), LONGEST_QUOTE)
