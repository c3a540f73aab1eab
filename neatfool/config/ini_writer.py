"""Writes INI files, which read back as the same values."""

import json
from collections.abc import Mapping

from neatfool.config.ini import unquote, without_comments
from neatfool.files import Json


def write_ini(sections: Mapping[str, Mapping[str, Json]], *, with_unset: bool = False) -> str:
    """Write section -> key -> value as INI text; perhaps ``#key =`` for a key that is None."""
    written = []
    for name, values in sections.items():
        lines = [
            f"#{key} =" if value is None else f"{key} = {write_value(value)}".rstrip()
            for key, value in values.items()
            if value is not None or with_unset
        ]
        if lines:
            written.append("\n".join([f"[{name}]", *lines, ""]))
    return "\n".join(written)


def write_value(value: Json) -> str:
    """Write a JSON value other than None as text that reads back as the same value."""
    if isinstance(value, str):
        plain = value.isprintable() and value.strip() == value
        read_back = plain and without_comments(value) == value == unquote(value)
        return value if read_back else _write_json(value)
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(_write_item(item) for item in value)
    if isinstance(value, float):
        return repr(value)
    return _write_json(value)


def _write_item(item: Json) -> str:
    text = write_value(item)
    if not isinstance(item, str):
        return text
    return text if text == item != "" and not set(item) & set(',"') else _write_json(item)


def _write_json(value: Json) -> str:
    """Write JSON without the signs that begin comments."""
    return json.dumps(value).replace("#", "\\u0023").replace(";", "\\u003b")
