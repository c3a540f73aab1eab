"""A run's page: one HTML file that shows what the run found and how."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import GenerationReport
from neatfool.analysis import diversity, goal_switches
from neatfool.present import draw_figure, embed_svg, new_axes, write_page
from neatfool.wording import spending

from . import curves, sparklines
from .curves import MUTED
from .elites import MOST_CARDS, MOST_NAMES, Elites

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import EliteView, Run

HERE: Final = Path(__file__).parent
MOST_ROWS: Final = 8
"""Goal switches are listed for so many classes and pairs."""
MOST_BINS: Final = 250
"""Classes of a larger map share a cell: a pixel each could not be seen."""


def write(run: Run, path: Path, chosen: Sequence[EliteView] = ()) -> None:
    """Write a run's page: one HTML file that needs no other file and no network.

    Only ``chosen`` elites are shown, if there are any.
    """
    write_page(path, HERE / "page.html.j2", _content(run, path, chosen))


def _content(run: Run, path: Path, chosen: Sequence[EliteView]) -> dict[str, Any]:
    """Gather what the template shows."""
    elites = Elites(run, path, chosen)
    history, script = run.history, (HERE / "page.js").read_text(encoding="utf-8")
    of_classes, ticks = sparklines.read_courses(run, elites.all)
    phylogeny = run.phylogeny(kinds=False) if history else None
    read, target = sparklines.read_functions, run.experiment.get("target", {})
    # This goes first: meanwhile threads reduce the pictures of the cards.
    gathered = {
        "curves": _curves(run, elites.all) if history else {},
        "ticks": ticks,
        "course_box": sparklines.COURSE_BOX,
        "use_box": sparklines.USE_BOX,
        "switches": None if phylogeny is None else _read_switches(run, phylogeny),
        "functions": None if phylogeny is None else read(run, phylogeny, elites.all),
        "diversity": diversity(run, phylogeny)
        if phylogeny is not None and 0 < len(elites.all) <= MOST_CARDS
        else None,
        **_figures(run, history),
    }
    cards = elites.cards(of_classes)
    details = elites.details(cards)
    return gathered | {
        "tiles": elites.tiles(cards),
        "classes": len(cards),
        "MOST_NAMES": MOST_NAMES,
        "first": [first for elite in elites.all if (first := elite.top1) is not None],
        "survival": elites.survival,
        "zip": zip,
        "many": elites.many,
        "beside": elites.beside,
        "reduced": not elites.small,
        "chosen": elites.chosen,
        "left_out": max(len(run.searched) - len(cards), 0),
        "pixelated": elites.small,
        "details": details,
        "hero": details[0] if details else None,
        "facts": _facts(run),
        "target": str(target.get("model") or target.get("plugin") or run.name),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }


def _figures(run: Run, history: Sequence[GenerationReport]) -> dict[str, Any]:
    """Count what happened."""
    seconds = sum(report.stages.elapsed for report in history)
    return {
        "run": run,
        "last": history[-1] if history else None,
        "milestones": _milestones(history, len(run.searched)),
        "stages": _stages(history),
        "seconds": seconds,
        "rate": run.evaluations / seconds if seconds else 0.0,
        "replacements": sum(report.replacements for report in history),
        "goal_switches": sum(report.goal_switches for report in history),
        "refused": sum(report.refused for report in history),
    }


def _curves(run: Run, elites: Sequence[EliteView]) -> dict[str, str]:
    history = run.history
    drawn = {
        "confidence": curves.confidence_curve(history, run.ranks),
        "thresholds": curves.threshold_curve(history, len(run.searched)),
        "replacements": curves.replacement_curve(history),
        "size": curves.size_curve(history),
    }
    if len({elite.size.connections for elite in elites}) > 1:
        drawn["scatter"] = curves.size_scatter(elites)
    return {name: embed_svg(svg) for name, svg in drawn.items()}


def _milestones(
    history: Sequence[GenerationReport], classes: int
) -> list[tuple[float, int | None, int | None]]:
    """Count for each threshold the images until the median, and until all classes, reached it."""
    rows = []
    for i, threshold in enumerate(GenerationReport.thresholds):
        median = next((r.evaluations for r in history if r.median >= threshold), None)
        every = next((r.evaluations for r in history if r.classes_ge[i] >= classes), None)
        rows.append((threshold, median, every))
    return rows


def _stages(history: Sequence[GenerationReport]) -> list[tuple[str, float, float]]:
    """Sum up where the time went: each stage's name, seconds, and share of all."""
    total = sum(report.stages.elapsed for report in history)
    names = asdict(history[0].stages) if history else {}
    sums = {name: sum(getattr(r.stages, name) for r in history) for name in names}
    return [(name, spent, spent / total if total else 0.0) for name, spent in sums.items()]


def _facts(run: Run) -> dict[str, str]:
    """List what the run was made with."""
    info = run.info
    target = {f"target {name}": value for name, value in info.get("target", {}).items()}
    listed = info.get("versions", {}) | info.get("clock", {}) | target
    facts = {str(name): str(value) for name, value in listed.items()}
    if requests := run.requests:
        facts["spent"] = spending(requests)
    return facts


def _read_switches(run: Run, phylogeny: nx.DiGraph) -> dict[str, Any] | None:
    """Give what the page shows of the goal switches between classes; None if there were none."""
    found = goal_switches(run, phylogeny)
    if not found.total:
        return None
    flows, grouped = found.between_classes, len(found.groups) < len(run.searched)
    return {
        "total": found.total,
        "matrix": embed_svg(draw_figure(found.draw_matrix())),
        "grouped": grouped,
        "map": embed_svg(_draw_map(flows[np.ix_(run.searched, run.searched)])) if grouped else None,
        "givers": _most(run, flows.sum(1)),
        "takers": _most(run, flows.sum(0)),
        "pairs": found.largest(MOST_ROWS),
    }


def _most(run: Run, counts: np.ndarray) -> list[tuple[str, str]]:
    order = np.argsort(-counts, kind="stable")[:MOST_ROWS].tolist()
    return [(run.classes[index], f"{counts[index]:,.0f}") for index in order if counts[index]]


def _draw_map(flows: np.ndarray) -> bytes:
    """Draw the flows between all classes, in their order; a dark cell has many switches."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    count = len(flows)
    size = -(-count // MOST_BINS)
    bins = -(-count // size)
    padded = np.zeros((bins * size, bins * size))
    padded[:count, :count] = flows
    summed = padded.reshape(bins, size, bins, size).sum((1, 3))
    drawn, axes = new_axes(620, 620, left=64, right=16, top=16, bottom=54)
    axes.grid(visible=False)
    axes.set_facecolor("white")  # in the dark, too: dark cells would vanish
    end = bins * size
    axes.imshow(
        np.ma.masked_less_equal(summed, 0),
        cmap=LinearSegmentedColormap.from_list("", ["#9cc3e0", "#08306b"]),
        norm=LogNorm(vmin=min(0.2, summed.max() / 2), vmax=summed.max()),
        interpolation="nearest",
        extent=(0, end, end, 0),
        aspect="auto",
    )
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(MUTED)
    axes.set_xlabel("number of the class whose niche was taken", color=MUTED, fontsize=9.75)
    axes.set_ylabel("number of the parent's class", color=MUTED, fontsize=9.75)
    return draw_figure(drawn, zoom=2.0)
