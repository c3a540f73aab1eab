"""Checks and calls the hooks that a plugin implements."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from neatfool.errors import PluginError, cause, nearest

if TYPE_CHECKING:
    import pluggy

PREFIX = "neatfool_"


def hooks_of(manager: pluggy.PluginManager, plugin: object, source: str) -> list[str]:
    """List the hooks that a plugin, a module or another object, implements.

    Raises:
        PluginError: The plugin is a class, or something that looks like a hook is none.
    """
    if inspect.isclass(plugin):
        raise PluginError(
            f"{source}: {plugin.__qualname__} is a class; a plugin is a module or an object, "
            f"for example {plugin.__qualname__}()"
        )
    known = [name for name in vars(manager.hook) if name.startswith(PREFIX)]
    hooks = []
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            spec = manager.parse_hookspec_opts(plugin, name)  # type: ignore[arg-type]  # any object
            if spec is None:
                _check_unmarked(plugin, name, source)
            continue
        hook = options.get("specname") or name
        if hook not in known:
            raise PluginError(f"{source}: there is no hook {hook!r}{nearest(hook, known, count=1)}")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"{source}: {hook}: is a wrapper; neatfool's hooks take none")
        hooks.append(hook)
    return hooks


def _check_unmarked(plugin: object, name: str, source: str) -> None:
    if name.startswith(PREFIX) and inspect.isroutine(inspect.getattr_static(plugin, name)):
        raise PluginError(
            f"{source}: {name} is not marked as a hook; put @neatfool.hookimpl above it"
        )


def call(impl: pluggy.HookImpl, who: str, **given: Any) -> None:
    """Call a hook's implementation with those of the given arguments that it names.

    Raises:
        PluginError: It raised an exception; the message begins with ``who``.
    """
    try:
        impl.function(*(given[name] for name in impl.argnames))
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{who}: {impl.function.__name__}: {cause(error)}") from error
