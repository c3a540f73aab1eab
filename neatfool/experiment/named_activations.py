"""Activations of plugins, which options name; and those that a run recorded."""

from collections.abc import Mapping

from neatfool.config.ini import ConfigValue
from neatfool.cppn.activations import ACTIVATIONS, BUILT_IN
from neatfool.errors import ExperimentError, PluginError, nearest, quoted
from neatfool.plugin.manager import PluginManager


def add_activation(
    name: str, plugins: PluginManager, recorded: Mapping[str, ConfigValue], *, all_files: bool
) -> bool:
    """Add one that an option names; False if a file that may offer it could not be loaded.

    Args:
        name: Its name.
        plugins: Loads what offers it.
        recorded: Whose the activations of a run are, by name.
        all_files: Whether all files of plugins could be loaded.
    """
    offered = plugins.names("activation")
    if name not in BUILT_IN and name in offered:
        plugins.load("activation", name).make()
    if name in ACTIVATIONS:
        return True
    if name in recorded and all_files:
        raise absent_activation(name, recorded[name].given)
    if offered and all_files:
        near = nearest(name, {*ACTIVATIONS, *offered})
        raise ExperimentError(f"there is no {quoted(name)}{near}")
    return all_files


def absent_activation(name: str, source: object) -> PluginError:
    """Make the error of an activation that a run recorded, and that is not here."""
    fault = f"the activation {quoted(name)} of {quoted(str(source))} is not here"
    return PluginError(f"{fault}; install that plugin, or put its file back")
