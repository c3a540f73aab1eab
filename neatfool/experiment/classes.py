"""Checks that a target has the classes that an experiment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.config.class_names import named_classes
from neatfool.config.problems import Problems
from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from neatfool.experiment.choice import Choice
    from neatfool.spec.image_spec import ImageSpec


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
