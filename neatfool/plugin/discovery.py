"""Finds plugins: installed ones by their metadata, without importing them, and those in files."""

import ast
import hashlib
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from importlib import invalidate_caches, metadata
from importlib.machinery import SourceFileLoader
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import CodeType, ModuleType
from typing import Any, Final

from neatfool.errors import PluginError, cause

GROUP: Final = "neatfool"
"""The group of the plugins' entry points."""
HOOKS_GROUP: Final = "neatfool.hooks"
"""The group of the modules in which plugins specify hooks of their own."""
OPTIONS_GROUP: Final = "neatfool.options"
"""The group of the options that observers have on the command line."""
EACH_MODULE: Final = ".*"
"""What the name of an entry point for all modules of a package ends in."""
_NO_PLUGINS: Final = ("_", ".", "test_", "conftest.", "setup.")

KINDS: Final = (
    *("target", "encoding", "scheme", "view", "model", "detector", "measure", "activation"),
    *("engine", "observer", "command"),
)
"""The kinds of plugins, in the order of lists.

An entry point is named ``KIND.NAME``. One named ``KIND.*`` gives a package: each of its modules
that has no entry point of its own is a plugin of the module's name.
"""


@dataclass(frozen=True)
class PluginEntry:
    """A plugin, not necessarily loaded."""

    kind: str
    """One of :data:`KINDS`; something else if the entry point is misnamed."""
    name: str
    source: str
    """Its distribution or its file."""
    value: str = ""
    """The module of an entry point; empty for a file."""
    version: str = ""
    problem: str = ""
    """Why it cannot be used, if that is known without importing it."""

    @property
    def origin(self) -> str:
        """Its source, in words: ``"neatfool 0.1.0, neatfool_plugins.mnist"``."""
        return f"{self.source} {self.version}, {self.value}" if self.value else self.source


def entry_points(group: str) -> EntryPoints:
    """List the installed entry points of a group."""
    return _read(group, *sys.path)


@lru_cache(4)
def _read(group: str, *_path: str) -> EntryPoints:
    """Read the files of all distributions, once for each search path."""
    return metadata.entry_points(group=group)


def forget_installed() -> None:
    """Have entry points read anew: something was installed."""
    _read.cache_clear()
    invalidate_caches()


def hooks_in(module: str) -> list[str]:
    """List the hooks that a module implements, from its source, without importing it."""
    try:
        spec = find_spec(module)
        source = Path(spec.origin).read_bytes() if spec and spec.origin else b""
        body = ast.parse(source).body
    except (Exception, SystemExit):  # of a package's own code, which is around the module
        return []
    names: set[str] = set()
    for each in body:
        match each:
            case ast.FunctionDef(name=name, decorator_list=marks):
                names.update(name for mark in marks if "hookimpl" in ast.unparse(mark))
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names.update(alias.asname or alias.name for alias in imported)
    return sorted(name for name in names if name.startswith("neatfool_"))


def installed_plugins() -> list[tuple[PluginEntry, EntryPoint]]:
    """List the entry points of the group, by kind and name."""
    points = entry_points(GROUP)
    # A look at a distribution's name parses its whole metadata, README included.
    distributions = {id(point.dist): point.dist for point in points}
    named = {key: _name_and_version(dist) for key, dist in distributions.items()}
    taken = {point.value for point in points}
    plugins = []
    for named_point in points:
        source, version = named[id(named_point.dist)]
        for point in _modules_of(named_point, taken):
            kind, dot, name = point.name.partition(".")
            problem = f"the entry point {point.name!r} is not named KIND.NAME, with KIND one of "
            problem = "" if kind in KINDS and name else problem + ", ".join(KINDS)
            facts = (source, point.value, version, problem)
            plugins.append((PluginEntry(kind if dot else "?", name or point.name, *facts), point))
    return sorted(plugins, key=lambda pair: (order(pair[0].kind), pair[0].name, pair[0].source))


def _modules_of(point: EntryPoint, taken: Collection[str]) -> list[EntryPoint]:
    """Give an entry point of its own to each module of a package that ``KIND.*`` names."""
    if not point.name.endswith(EACH_MODULE):
        return [point]
    package = find_spec(point.value)
    kind = point.name.removesuffix(EACH_MODULE)
    return [
        EntryPoint(f"{kind}.{each.name}", value, point.group)
        for each in iter_modules((package and package.submodule_search_locations) or ())
        if (value := f"{point.value}.{each.name}") not in taken
    ]


def order(kind: str) -> int:
    """Give a kind's place in lists."""
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _name_and_version(dist: Distribution | None) -> tuple[str, str]:
    """Read what a distribution says of itself: ``?`` if it lacks that, as if half removed."""
    try:
        metadata: Any = dist.metadata if dist else {}
    except FileNotFoundError:  # the package importlib_metadata, where it is loaded, raises this
        metadata = {}
    return metadata.get("Name") or "?", metadata.get("Version") or ""


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
