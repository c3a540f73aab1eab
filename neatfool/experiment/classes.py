"""The classes that an experiment names: that the target has them, and which mean nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from neatfool.config.options import named_classes
from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError, option

if TYPE_CHECKING:
    from neatfool.experiment.choice import Choice
    from neatfool.spec.image_spec import ImageSpec

_NOTHING: Final = re.compile(
    "background( google)?|none( of .+)?|nothing|others?|unknown|no (finding|object)s?|not .+"
    "|fooling"
)
"""Names of classes that mean that nothing is there: in small letters, with spaces between words.
Caltech calls its clutter ``BACKGROUND_Google``, and a retrained network has a class ``fooling``."""
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")


def check_classes(choice: Choice, spec: ImageSpec) -> None:
    """Check that a target has the classes that a scheme's options name.

    Raises:
        ExperimentError: It lacks some; the message has a line for each, with its place.
    """
    problems = Problems()
    for key, names in named_classes(choice.options).items():
        place = choice.section.values.get(key, choice.section)
        for name in names:
            try:
                spec.class_index(name)
            except ExperimentError as error:
                problems.add_at(place, choice.registration.kind, key, str(error))
    problems.raise_if_any()


def with_nothing(spec: ImageSpec, named: Sequence[str] | None) -> ImageSpec:
    """Say in a target's spec which of its classes mean that nothing is there.

    Args:
        spec: The target's spec.
        named: The classes, by name or index. If absent, those of the spec, or else those whose
            names say so, unless all do.

    Raises:
        ExperimentError: There is no class of a name, or no other class is left.
    """
    if named is None:
        words = {name: _BETWEEN_WORDS.sub(" ", name.casefold()).strip() for name in spec.classes}
        guessed = tuple(name for name in spec.classes if _NOTHING.fullmatch(words[name]))
        return (
            spec
            if spec.nothing or len(guessed) == len(spec.classes)
            else replace(spec, nothing=guessed)
        )
    try:
        nothing = tuple(spec.classes[spec.class_index(name)] for name in named)
    except ExperimentError as error:
        raise ExperimentError(f"{option('target', 'nothing')}: {error}") from error
    if nothing and {*nothing} == {*spec.classes}:
        raise ExperimentError(
            f"{option('target', 'nothing')}: names all classes; leave one to search for"
        )
    return replace(spec, nothing=nothing)


def describe_nothing(spec: ImageSpec, *, guessed: bool) -> str:
    """Say which classes mean that nothing is there, and what follows; empty if there are none."""
    if not spec.nothing:
        return ""
    guess = " (guessed by name; `nothing` in [target] says otherwise)" if guessed else ""
    return (
        f"Means that nothing is there{guess}: {', '.join(spec.nothing)}. It is not searched, and "
        "images of which the target is surest that they show it count as rejected."
    )
