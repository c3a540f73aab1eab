"""Section ``[views]``: which views (augmentations) of each image are shown, and what counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field, create_model

from neatfool.config.options import read_options
from neatfool.config.problems import Problems
from neatfool.config.values import Section
from neatfool.errors import PluginError
from neatfool.experiment.choice import json_sections
from neatfool.experiment.framework import Views
from neatfool.plugin.manager import PluginManager, views
from neatfool.spec.json import Json
from neatfool.spec.view import View

FOCUSED: Final = 3
"""So many views differ in focus: the saved image, a sharper and a softer one."""


@dataclass(frozen=True)
class Showing:
    """The views of each image that the target is shown.

    Attributes:
        number: How many.
        score: What counts: their ``"mean"`` or the ``"worst"``.
        strengths: Each view's strength by name, in the order in which they are applied.
        views: Those views.
        focus: By how much the band limits differ that a candidate is drawn with.
    """

    number: int
    score: str
    strengths: dict[str, float]
    views: dict[str, View] = field(compare=False, repr=False)
    focus: float = 1.0

    def section(self) -> dict[str, dict[str, Json]]:
        """Write it as section -> key -> JSON value."""
        focus = {"focus": self.focus} if self.focus != 1 else {}
        own = {"number": self.number, "score": self.score, **focus}
        return {"views": {**own, **self.strengths}}

    def describe(self) -> str:
        """Say in a sentence what is shown."""
        changes = [
            f"{view.what} ({-most if view.signed else view.harmless:g} to {most:g} {view.unit})"
            for view, most in zip(self.views.values(), self.strengths.values(), strict=True)
        ]
        times = "once" if self.number == 1 else f"{self.number} times; the {self.score} counts"
        if self.focus > 1:
            changes.insert(0, f"drawn with other band limits (up to {self.focus:g} times sharper)")
        return f"Each image is changed at random, {', '.join(changes)}, and shown {times}."


def read_showing(
    sections: Mapping[str, Section], plugins: PluginManager, problems: Problems
) -> Showing | None:
    """Read section ``[views]``; None if it is absent or empty, or after problems."""
    section = sections.get("views", Section({}, ""))
    if not section.values:
        return None
    made: dict[str, View] = {}
    fields: dict[str, Any] = {}
    before, known = len(problems), plugins.names("view")
    for name in known:
        bounds: dict[str, Any] = {}
        if value := section.values.get(name):
            try:
                made |= views([name], plugins)
                ends = sorted((made[name].harmless, float(made[name].limit)))
                bounds = {"ge": ends[0], "le": ends[1]}
            except PluginError as error:
                problems.add_at(value, "views", name, str(error), of_plugin=True)
        fields[name] = (float | None, Field(None, allow_inf_nan=False, **bounds))
    model: type[Any] = create_model("Views", __base__=Views, **fields)
    options = read_options(model, "views", {"views": section}, problems)
    if len(problems) > before or options is None:
        return None
    if not made and options.focus == 1:
        fault = f"names no view; give one ({', '.join(known)}) or leave the section out"
        problems.add_at(section, "views", "", fault)
    strengths = {name: float(getattr(options, name)) for name in section.values if name in made}
    if options.focus > 1 and options.number < FOCUSED:
        fault = f"is above and below the saved image's; set number to {FOCUSED} or more"
        problems.add_at(section.values["focus"], "views", "focus", fault)
        return None
    used = {name: made[name] for name in strengths}
    return Showing(options.number, options.score, strengths, used, options.focus)


def choose_showing(
    plugins: PluginManager, given: Mapping[str, Any] | None, where: str = ""
) -> Showing | None:
    """Choose views by the keys of ``[views]``; ``where`` is their place, for messages."""
    problems = Problems()
    showing = read_showing(json_sections({"views": given or {}}, where), plugins, problems)
    problems.raise_if_any()
    return showing
