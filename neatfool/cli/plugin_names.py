"""The plugins that a name on the command line stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neatfool.errors import PluginError, nearest

if TYPE_CHECKING:
    from neatfool.plugin.manager import PluginManager


def find_plugins(manager: PluginManager, name: str) -> list[tuple[str, str]]:
    """Find all plugins that a name stands for.

    Args:
        manager: Loads a file's plugins.
        name: A plugin's name, ``kind.name``, or a path to a Python file or folder. ``name`` also
            stands for a folder ``name`` or for ``name.py`` in the current folder, if no plugin of
            that name is installed.

    Returns:
        The kind and name of each plugin; none for a file with only observers.

    Raises:
        PluginError: The plugin does not exist, or the file is broken.
    """
    if name.endswith(".py") or "/" in name:
        return _load_files(manager, Path(name))
    pairs = dict.fromkeys((entry.kind, entry.name) for entry in manager.available())
    found = [(kind, of) for kind, of in pairs if name in (of, f"{kind}.{of}")]
    if found:
        return found
    if Path(name).is_dir():
        return _load_files(manager, Path(name))
    file = Path(f"{name.rpartition('.')[2]}.py")
    if file.is_file() and file.stem == name:
        return _load_files(manager, file)
    known = {known for kind, of in pairs for known in (of, f"{kind}.{of}")}
    hint = f"; for the file {file}, give '{file}'" if file.is_file() else nearest(name, known)
    raise PluginError(f"unknown plugin {name!r}{hint}")


def _load_files(manager: PluginManager, path: Path) -> list[tuple[str, str]]:
    before = manager.available()
    manager.load_files(path)
    return [(entry.kind, entry.name) for entry in manager.available() if entry not in before]
