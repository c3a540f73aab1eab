"""Finds installed plugins by their metadata, without importing them."""

import ast
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from importlib import invalidate_caches, metadata
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final

GROUP: Final = "neatfool"
"""The group of the plugins' entry points."""
HOOKS_GROUP: Final = "neatfool.hooks"
"""The group of the modules in which plugins specify hooks of their own."""
OPTIONS_GROUP: Final = "neatfool.options"
"""The group of the options that observers have on the command line."""
EACH_MODULE: Final = ".*"
"""What the name of an entry point for all modules of a package ends in."""

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
