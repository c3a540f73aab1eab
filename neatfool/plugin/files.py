"""Loads plugins from files: a module, a package, or a folder of modules."""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from neatfool.errors import PluginError, cause

if TYPE_CHECKING:
    from types import CodeType, ModuleType

_NO_PLUGINS = ("_", ".", "test_", "conftest.", "setup.")


def plugin_files(path: Path) -> list[Path]:
    """List the plugin files of a path, relative to the current folder if they are below it.

    The path is a Python file, a package (one plugin) or a folder of modules. In a folder, names
    that begin with ``_`` or ``test_``, ``conftest.py`` and ``setup.py`` are skipped.

    Raises:
        PluginError: There is no such file or folder, or no plugin in it.
    """
    path = path.absolute()
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    try:
        path.stat()
    except PermissionError:
        raise
    except (OSError, ValueError):
        raise PluginError(f"{path}: there is no such file or folder") from None
    if path.is_file():
        if path.suffix != ".py":
            raise PluginError(f"{path}: is no Python file; a plugin is a .py file or a folder")
        return [path]
    if not path.is_dir():
        raise PluginError(f"{path}: is no Python file and no folder")
    if (path / "__init__.py").is_file():
        return [path / "__init__.py"]
    found = sorted(file for file in path.glob("*.py") if not file.name.startswith(_NO_PLUGINS))
    if not found:
        raise PluginError(f"{path}: there is no plugin in this folder; put a .py file there")
    return found


def import_file(path: Path) -> ModuleType:
    """Import a module, or a package's ``__init__.py``, under a unique name.

    Modules in the same folder become importable; installed ones come first.

    Raises:
        PluginError: The import failed; the message has the cause.
    """
    spec = _spec(path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    _make_importable(path)
    try:
        assert spec.loader is not None
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise PluginError(f"{path}: cannot be imported: {cause(error)}") from error
    return module


class _Loader(SourceFileLoader):
    """Compiles the file as it is now, without Python's cache.

    The cache misses a change within a second, and would be written into the user's folder.
    """

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _spec(path: Path) -> ModuleSpec:
    absolute = path.resolve()
    package = absolute.name == "__init__.py"
    stem = absolute.parent.name if package else absolute.stem
    digest = hashlib.sha256(str(absolute).encode()).hexdigest()[:12]
    name = f"neatfool_file_{digest}_{stem}"
    spec = spec_from_file_location(
        name,
        absolute,
        loader=_Loader(name, str(absolute)),
        submodule_search_locations=[str(absolute.parent)] if package else None,
    )
    assert spec is not None
    return spec


def _make_importable(path: Path) -> None:
    folder = path.resolve().parent
    if path.name == "__init__.py":
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
