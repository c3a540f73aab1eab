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
    registrations = [manager.load("view", name) for name in wanted]
    return {each.name: each.make(each.options()) for each in registrations}
