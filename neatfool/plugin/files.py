"""Plugins in Python files and folders: found, and imported as they are now."""

import hashlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from neatfool.errors import PluginError, cause

_NO_PLUGINS: Final = ("_", ".", "test_", "conftest.", "setup.")


def plugin_files(path: Path) -> list[Path]:
    """List the plugin files of a path: a Python file, a package, or a folder of modules."""
    path = path.absolute()
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    try:
        path.stat()
    except PermissionError:
        raise
    except (OSError, ValueError):
        raise PluginError(f"{path}: there is no such file or folder") from None
    if path.is_file() and path.suffix == ".py":
        return [path]
    if not path.is_dir():
        raise PluginError(f"{path}: is no Python file; a plugin is a .py file or a folder")
    if (path / "__init__.py").is_file():
        return [path / "__init__.py"]
    files = sorted(file for file in path.glob("*.py") if not file.name.startswith(_NO_PLUGINS))
    if not files:
        raise PluginError(f"{path}: there is no plugin in this folder; put a .py file there")
    return files


def import_file(path: Path) -> ModuleType:
    """Import a module or package under a unique name; its folder's modules become importable."""
    file = path.resolve()
    package = file.name == "__init__.py"
    stem = file.parent.name if package else file.stem
    name = f"neatfool_file_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}_{stem}"
    folders = [str(file.parent)] if package else None
    loader = _Loader(name, str(file))
    spec = spec_from_file_location(name, file, loader=loader, submodule_search_locations=folders)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parents[package])
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"{path}: cannot be imported: {cause(error)}") from error
    return module


class _Loader(SourceFileLoader):
    """Compiles a file as it is now: Python's cache misses a change within a second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)
