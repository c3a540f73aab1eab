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

from . import curves
from .curves import MUTED
from .elites import MOST_CARDS, MOST_NAMES, Card, Elites

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
    # This goes first: threads reduce the pictures of the cards while the rest is gathered.
    elites = Elites(run, path, chosen)
    courses, ticks = curves.read_courses(run, elites.all)
    content = _read_history(run, elites.all) | {
        "ticks": ticks,
        "course_box": curves.COURSE_BOX,
        "use_box": curves.USE_BOX,
    }
    cards = elites.cards(courses)
    tiles: dict[str | int, list[Card]] = {}
    for card in cards:  # classes that have the same picture share a tile
        tiles.setdefault(card.picture.src if card.picture else card.index, []).append(card)
    details = elites.details(cards)
    target, info = run.experiment.get("target", {}), run.info
    script = (HERE / "page.js").read_text(encoding="utf-8")
    made_with = info.get("versions", {}) | info.get("clock", {})
    made_with |= {f"target {name}": value for name, value in info.get("target", {}).items()}
    if requests := run.requests:
        made_with["spent"] = spending(requests)
    content |= {
        "run": run,
        "tiles": [*tiles.values()],
        "classes": len(cards),
        "MOST_NAMES": MOST_NAMES,
        "first": [first for elite in elites.all if (first := elite.top1) is not None],
        "survival": elites.survival,
        "zip": zip,
        "many": elites.many,
        "beside": elites.beside,
        "chosen": bool(chosen),
        "left_out": max(len(run.searched) - len(cards), 0),
        "pixelated": elites.small,
        "details": details,
        "hero": details[0] if details else None,
        "facts": {str(name): str(value) for name, value in made_with.items()},
        "target": str(target.get("model") or target.get("plugin") or run.name),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    write_page(path, HERE / "page.html.j2", content)


def _read_history(run: Run, elites: Sequence[EliteView]) -> dict[str, Any]:
    """Count and draw what happened."""
    history, classes = run.history, len(run.searched)
    if not history:
        return dict.fromkeys(("curves", "switches", "functions", "diversity", "last"))
    phylogeny = run.phylogeny(kinds=False)
    drawn = {
        "confidence": curves.confidence_curve(history, run.ranks),
        "thresholds": curves.threshold_curve(history, classes),
        "replacements": curves.replacement_curve(history),
        "size": curves.size_curve(history),
    }
    if len({elite.size.connections for elite in elites}) > 1:
        drawn["scatter"] = curves.size_scatter(elites)
    milestones = []  # the images until the median, and until all classes, reached each threshold
    for i, threshold in enumerate(GenerationReport.thresholds):
        median = next((r.evaluations for r in history if r.median >= threshold), None)
        every = next((r.evaluations for r in history if r.classes_ge[i] >= classes), None)
        milestones.append((threshold, median, every))
    seconds = sum(report.stages.elapsed for report in history)
    spent = {
        name: sum(getattr(report.stages, name) for report in history)
        for name in asdict(history[0].stages)
    }
    return {
        "curves": {name: embed_svg(svg) for name, svg in drawn.items()},
        "switches": _read_switches(run, phylogeny),
        "functions": curves.read_functions(run, phylogeny, elites),
        "diversity": diversity(run, phylogeny) if 0 < len(elites) <= MOST_CARDS else None,
        "last": history[-1],
        "milestones": milestones,
        "stages": [(name, s, s / seconds if seconds else 0.0) for name, s in spent.items()],
        "seconds": seconds,
        "rate": run.evaluations / seconds if seconds else 0.0,
        "replacements": sum(report.replacements for report in history),
        "goal_switches": sum(report.goal_switches for report in history),
        "refused": sum(report.refused for report in history),
    }


def _read_switches(run: Run, phylogeny: nx.DiGraph) -> dict[str, Any] | None:
    """Give what the page shows of the goal switches between classes; None if there were none."""

    def most(counts: np.ndarray) -> list[tuple[str, str]]:
        order = np.argsort(-counts, kind="stable")[:MOST_ROWS].tolist()
        return [(run.classes[index], f"{counts[index]:,.0f}") for index in order if counts[index]]

    found = goal_switches(run, phylogeny)
    if not found.total:
        return None
    flows, grouped = found.between_classes, len(found.groups) < len(run.searched)
    return {
        "total": found.total,
        "matrix": embed_svg(draw_figure(found.draw_matrix())),
        "grouped": grouped,
        "map": embed_svg(_draw_map(flows[np.ix_(run.searched, run.searched)])) if grouped else None,
        "givers": most(flows.sum(1)),
        "takers": most(flows.sum(0)),
        "pairs": found.largest(MOST_ROWS),
    }


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
