"""Experiments whose target is an object made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl
from neatfool.config.ini_writer import write_ini
from neatfool.evolution.assembly import Assembly, assemble
from neatfool.experiment.experiment import load_experiment
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from neatfool import Target


def assembled(
    make: Callable[[], Target], folder: Path, sections: Mapping[str, Mapping[str, Any]]
) -> tuple[Assembly, PluginManager]:
    """Make what an experiment on such a target is made of, the way that a file's is made.

    Args:
        make: Makes the target.
        folder: Where the experiment's file is written.
        sections: Those of the experiment, without the names of the plugins, which are the given
            target, ``cppn`` and ``map_elites``.
    """
    plugins = PluginManager()
    plugins.register_object(_Offer(make), "benchmarks")
    names = {"target": "measured", "encoding": "cppn", "scheme": "map_elites"}
    whole = dict(sections)
    for section, plugin in names.items():
        whole[section] = {"plugin": plugin, **whole.get(section, {})}
    file = folder / "measured.ini"
    file.write_text(write_ini(whole))
    return assemble(load_experiment(file, plugins=plugins)), plugins


class _Offer:
    """A plugin that offers a target."""

    def __init__(self, make: Callable[[], Target]) -> None:
        self._make = make

    @hookimpl
    def neatfool_register_targets(self, register: Any) -> None:
        register("measured", lambda _options: self._make())
