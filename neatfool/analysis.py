"""The registered measures, by name: ``neatfool.analysis.survive(run)``.

Each takes runs, opened or as folders, and gives a :class:`~neatfool.present.Finding`, which shows
itself in a notebook. The command of the same name does the same. A plugin adds its own
(``neatfool_register_measures``).
"""

from typing import Any

from neatfool.plugin.manager import PluginManager


def __getattr__(name: str) -> Any:
    manager = PluginManager()
    if name.startswith("_") or name not in manager.names("measure"):
        raise AttributeError(f"neatfool.analysis: there is no measure {name!r}")
    return manager.load("measure", name).maker


def __dir__() -> list[str]:
    return PluginManager().names("measure")
