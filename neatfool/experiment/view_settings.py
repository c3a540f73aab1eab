"""Section ``[views]``: the views of each image that a target is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field, create_model

from neatfool.config.ini import ConfigSection, Problems
from neatfool.config.options import read_options
from neatfool.errors import PluginError
from neatfool.experiment.framework import ViewOptions
from neatfool.experiment.plugin_choice import json_sections
from neatfool.files import Json
from neatfool.plugin.manager import PluginManager
from neatfool.spec.view import View

FOCUSED: Final = 3
"""So many views differ in focus: the saved image, a sharper and a softer one."""


@dataclass(frozen=True)
class ViewSettings:
    """The views of each image that the target is shown, and how many."""

    number: int
    strengths: dict[str, float]
    views: dict[str, View] = field(compare=False, repr=False)
    focus: float = 1.0

    def section(self) -> dict[str, dict[str, Json]]:
        """Write it as section -> key -> JSON value."""
        focus = {"focus": self.focus} if self.focus != 1 else {}
        own = {"number": self.number, **focus}
        return {"views": {**own, **self.strengths}}

    def describe(self) -> str:
        """Say in a sentence what is shown."""
        changes = [
            f"{view.what} ({-most if view.signed else view.harmless:g} to {most:g} {view.unit})"
            for view, most in zip(self.views.values(), self.strengths.values(), strict=True)
        ]
        times = "once" if self.number == 1 else f"{self.number} times; the mean counts"
        if self.focus > 1:
            changes.insert(0, f"drawn with other band limits (up to {self.focus:g} times sharper)")
        return f"Each image is changed at random, {', '.join(changes)}, and shown {times}."


def read_view_settings(
    sections: Mapping[str, ConfigSection], plugins: PluginManager, problems: Problems
) -> ViewSettings | None:
    """Read section ``[views]``, which has keys; None after problems."""
    section = sections["views"]
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
    model: type[Any] = create_model("Views", __base__=ViewOptions, **fields)
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
    return ViewSettings(options.number, strengths, used, options.focus)


def choose_view_settings(
    plugins: PluginManager, given: Mapping[str, Any] | None, where: str = ""
) -> ViewSettings | None:
    """Choose views by the keys of ``[views]``, if there are; ``where`` is their place."""
    if not given:
        return None
    problems = Problems()
    showing = read_view_settings(json_sections({"views": given}, where), plugins, problems)
    problems.raise_if_any()
    return showing


def views(
    names: Iterable[str] | None = None, plugins: PluginManager | None = None
) -> dict[str, View]:
    """Make views, by name and in the order of the names; all that are installed if absent."""
    manager = plugins or PluginManager()
    wanted = manager.names("view") if names is None else names
    registrations = [manager.load("view", name) for name in wanted]
    return {each.name: each.make(each.options()) for each in registrations}
