"""Names of classes as options give them: one by one, or as a file of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel

from neatfool.config.annotations import PathAfter
from neatfool.config.options import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE: Final = "@"


def read_names(path: Path) -> list[str]:
    """Read a UTF-8 text file of names, one a line; skip empty lines and ``#`` comments.

    Returns:
        The names, at least one.

    Raises:
        ValueError: The file cannot be read, or has no name in it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ValueError(f"{path}: {cause}; give a file with one name a line") from error
    names = [name for line in lines if (name := line.strip()) and not name.startswith("#")]
    if not names:
        raise ValueError(f"{path}: has no name in it; give a file with one name a line")
    return names


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Append its index to each name that occurs more than once.

    Args:
        names: The names, in the order of a target's scores.

    Returns:
        As many names, all different: for two cranes ``("crane (0)", "owl", "crane (2)")``.
    """
    while len(set(names)) < len(names):  # "a (0)" may be a given name, too
        occurrences = Counter(names)
        names = [
            f"{name} ({index})" if occurrences[name] > 1 else name
            for index, name in enumerate(names)
        ]
    return tuple(names)


def _read_files(items: list[str]) -> list[str]:
    names: list[str] = []
    for item in items:
        is_file = item.startswith(_FILE) and len(item) > 1
        names += read_names(Path(item[1:])) if is_file else [item]
    return names


ClassNames = Annotated[
    list[Annotated[str, PathAfter(_FILE)]],
    AfterValidator(_read_files),
]
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
