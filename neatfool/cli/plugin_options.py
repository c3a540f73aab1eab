"""What plugins say of themselves, and the options that they have."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neatfool import __version__
from neatfool.cli.plugin_names import find_plugins
from neatfool.config.described import describe_options
from neatfool.errors import PluginError, blaming
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.manager import PluginManager
from neatfool.plugin.registration import RESERVED_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool.config.described import DescribedOption


@dataclass(frozen=True)
class DescribedPlugin:
    """A plugin, or a section of an experiment with keys of neatfool's own.

    Attributes:
        kind: What it is; ``"section"`` for a section.
        name: Its name.
        source: Where it is from.
        about: The first paragraph of its docstring.
        sections: Section -> its options.
    """

    kind: str
    name: str
    source: str
    about: str
    sections: Mapping[str, Sequence[DescribedOption]]


def describe_plugins(name: str) -> list[DescribedPlugin]:
    """Describe all plugins that a name stands for.

    Args:
        name: As for :func:`~neatfool.cli.plugin_names.find_plugins`; or ``"experiment"``,
            ``"plugins"`` or ``"target"``, for neatfool's own keys in that section.

    Raises:
        PluginError: There is no such plugin, or it is broken.
    """
    if model := OWN_KEYS.get(name):
        about = _first_paragraph(model.__doc__)
        own = describe_options(model, name)
        return [DescribedPlugin("section", name, f"neatfool {__version__}", about, own)]
    manager = PluginManager()
    found = find_plugins(manager, name)
    if not found:
        raise PluginError(f"{name}: has only observers, and none with options")
    return [_describe(manager, kind, of) for kind, of in found]


def _describe(manager: PluginManager, kind: str, name: str) -> DescribedPlugin:
    sections = {}
    if kind == "command":
        manager.commands(name)
    made = manager.load_observer(name) if kind == "observer" else None
    if kind in RESERVED_KEYS or made:
        made = made or manager.load(kind, name)
        source = made.source
        with blaming(f"{kind} {name!r} ({source})"):
            sections = describe_options(made.options, name if kind == "observer" else kind)
    else:
        source = next(
            entry.origin
            for entry in manager.available()
            if (entry.kind, entry.name) == (kind, name)
        )
    about = _first_paragraph(manager.docstring(source))
    return DescribedPlugin(kind, name, source, about, sections)


def _first_paragraph(docstring: str | None) -> str:
    """Give a docstring's first paragraph in one line, without its markup."""
    first = " ".join(inspect.cleandoc(docstring or "").partition("\n\n")[0].split())
    return re.sub(r":[\w:]+:`~?\.?([^`]+)`", r"`\1`", first).replace("``", "`")
