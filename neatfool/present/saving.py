"""Writes HTML pages from templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import wording
from neatfool.errors import printable
from neatfool.plugin.manager import PluginManager
from neatfool.run.folder import REPORT, save

if TYPE_CHECKING:
    import networkx as nx

    from neatfool.present.blocks import Block
    from neatfool.run.run import Run

__all__ = ["save"]  # which plugins have from here

TEMPLATES: Final = Path(__file__).with_name("templates")
FILTERS: Final = ("percent", "share", "level", "duration", "counted", "among", "unbroken")
"""The functions of :mod:`neatfool.wording` that templates have."""


def write_report(run: Run, path: str | Path | None = None) -> Path:
    """Write a run's report: one HTML file that needs no other file and no network.

    Args:
        run: The run, finished or not.
        path: The file; ``report.html`` in the run's folder if absent.

    Returns:
        The file.

    Raises:
        RunError: The run cannot be read.
        PluginError: The plugin ``command.report``, which makes the page, is not there.
        StorageError: The file cannot be written.
    """
    target = run.path / REPORT if path is None else Path(path)
    PluginManager().write_report(run, target)
    return target


def report_blocks(run: Run, phylogeny: nx.DiGraph) -> list[Block]:
    """Collect the blocks that measures add to a run's report (``neatfool_report_blocks``).

    Args:
        run: The run.
        phylogeny: Its :meth:`~neatfool.Run.phylogeny`, which may be without the kinds.
    """
    return PluginManager().report_blocks(run, phylogeny)


def write_page(path: str | Path, template: Path, content: Mapping[str, Any]) -> Path:
    """Write a page that looks like the report: one HTML file that needs no network.

    Args:
        path: The file to write.
        template: As for :func:`fill_template`.
        content: The template's values, by name.

    Returns:
        The file.

    Raises:
        StorageError: The file cannot be written.
    """
    return save(path, fill_template(template, content).encode())


def fill_template(template: Path, content: Mapping[str, Any]) -> str:
    """Fill a template.

    Args:
        template: A Jinja template, whose values' control characters are made visible. It may
            include files from its folder. That of a page is called ``NAME.html.j2``, begins with
            ``{% extends "neatfool/page.html.j2" %}``, and fills the blocks ``title``, ``body`` and,
            for its own CSS, ``style``; its values are escaped. The filters ``percent``, ``share``,
            ``level``, ``duration`` and ``counted(one, many)`` write confidences, shares,
            thresholds, seconds and numbers of things, ``among(whole, one, many)`` a part of some;
            ``unbroken`` keeps the numbers of a sentence
            in one line.
        content: The template's values, by name.
    """
    import jinja2

    ours = jinja2.PrefixLoader({"neatfool": jinja2.FileSystemLoader(TEMPLATES)})
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([ours, jinja2.FileSystemLoader(template.parent)]),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        keep_trailing_newline=".html" not in template.suffixes,
        undefined=jinja2.StrictUndefined,
        # Not text that is HTML already: it is of a subclass.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in FILTERS}
    return environment.get_template(template.name).render(content)
