"""Makes views by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neatfool.spec.view import View


def views(
    names: Iterable[str] | None = None, plugins: PluginManager | None = None
) -> dict[str, View]:
    """Make views, by name and in the order of the names.

    Args:
        names: The names; all that are installed if absent.
        plugins: Loads them; a new manager if absent.

    Raises:
        PluginError: There is no such view, or it is broken.
    """
    manager = plugins or PluginManager()
    wanted = manager.names("view") if names is None else names
    return {name: _make(name, manager) for name in wanted}


def _make(name: str, manager: PluginManager) -> View:
    registration = manager.load("view", name)
    view: View = registration.make(registration.options())
    return view
