"""Makes views by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.errors import PluginError, blaming
from neatfool.plugin.manager import PluginManager
from neatfool.spec.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def limit_of(view: View) -> float:
    """Give the strongest that an experiment may ask of a view."""
    return float(getattr(view, "limit", view.strengths[-1]))


def _make(name: str, manager: PluginManager) -> View:
    registration = manager.load("view", name)
    who = f"view {name!r} ({registration.source})"
    with blaming(who):
        view = registration.factory(registration.options())
    if not isinstance(view, View):
        raise PluginError(
            f"{who}: a view needs what neatfool.View has; {type(view).__name__} lacks some of it"
        )
    return view
