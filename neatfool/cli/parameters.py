"""Arguments and options that several commands have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neatfool.plugin.discovery import OPTIONS_GROUP, entry_points
from neatfool.present.command import option, overrides_option

if TYPE_CHECKING:
    from neatfool.plugin.manager import PluginManager


Command = TypeVar("Command", bound="Callable[..., Any]")

_log = logging.getLogger("neatfool.cli")

A_PATH = click.Path(path_type=Path)

json_option = option("--json", "Print JSON.", into="as_json")
no_report_option = option("--no-report", "Do not write report.html at the end.")


def experiment_parameters(command: Command) -> Command:
    """Add the experiment's file, and the options that override it."""
    seed = option("--seed N", "Override the experiment's seed.", click.IntRange(min=0))
    return click.argument("file", type=A_PATH)(seed(overrides_option(command)))


class RunCommand(click.Command):
    """A command that makes a run; the entry points ``neatfool.options`` add to its options."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """List the options; help comes last."""
        *own, last = super().get_params(ctx)
        return [*own, *(each for options in _options().values() for each in options), last]


def observers_asked_for(given: Mapping[str, Any]) -> dict[str, str]:
    """Give the observers of which options are given, each with the first of them."""
    return {
        observer: option.opts[0]
        for observer, options in _options().items()
        for option in reversed(options)
        if given.get(str(option.name))
    }


def load_observers(plugins: PluginManager, given: Mapping[str, Any]) -> None:
    """Load the observers of which options are given."""
    for name in observers_asked_for(given):
        if made := plugins.load_observer(name):
            plugins.add_observer(made, made.options())


def _options() -> dict[str, list[click.Option]]:
    return _load(tuple(entry_points(OPTIONS_GROUP)))


@lru_cache(1)
def _load(points: tuple[EntryPoint, ...]) -> dict[str, list[click.Option]]:
    """Load options by their observers' names; leave out those that are broken, and say so once."""
    options = {}
    for point in points:
        try:
            options[point.name] = point.load()
        except Exception as error:
            _log.warning("options of the observer %r (%s): %s", point.name, point.value, error)
    return options
