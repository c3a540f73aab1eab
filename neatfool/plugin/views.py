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
    """Make views.

    Args:
        names: Their names; all that are installed if absent.
        plugins: Loads them; a new manager, which knows those that are installed, if absent.

    Returns:
        The views by name, in the order of the names.

    Raises:
        PluginError: There is no such view, or it is broken.
    """
    manager = plugins or PluginManager()
    return {
        name: _make(name, manager) for name in (manager.names("view") if names is None else names)
    }


def _make(name: str, manager: PluginManager) -> View:
    registration = manager.load("view", name)
    who = f"view {name!r} ({registration.source})"
    with blaming(who):
        view = registration.factory(registration.options())
    if not isinstance(view, View):
        raise PluginError(
            f"{who}: a view needs `unit`, `harmless`, `strengths`, `signed`, `what` and "
            f"`change(images, amounts, seeds)`; {type(view).__name__} lacks some of them"
        )
    return view
