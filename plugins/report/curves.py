"""Curves of a run as SVGs."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import expit

from neatfool import present
from neatfool.wording import level, percent

if TYPE_CHECKING:
    from neatfool import GenerationReport, Run

MOST_POINTS: Final = 400
ENDS: Final = (present.decimal_odds(0), 100 / math.log(10))
"""Decimal log-odds outside are drawn at the edge; they may be infinite."""
POINT: Final = 0.75
"""A CSS pixel in points, in which matplotlib measures lines and letters."""
MUTED: Final = "#626b78"
_BLUE, _ORANGE = present.LINE_COLOURS[:2]


def draw_confidences(run: Run, *, wide: bool) -> bytes:
    """Draw median, quartiles, mean and minimum of the elites' confidences over images scored."""
    shown = _choose_reports(run.history)
    x, last = np.array([report.evaluations for report in shown]), shown[-1]
    minimum, lower, middle, upper, mean = _read_spread(run, [each.generation for each in shown])
    median = f"median  {percent(last.median)}"
    lines = [
        present.StepCurve(x, minimum, f"minimum  {percent(last.minimum)}", 1),
        present.StepCurve(x, mean, f"mean  {percent(last.mean)}", 2),
        present.StepCurve(x, middle, median, 0, np.array([lower, upper])),
    ]
    return present.draw_figure(present.steps(lines, "decimal odds", x, wide=wide))


def _read_spread(run: Run, generations: Sequence[int]) -> np.ndarray:
    """Give minimum, quartiles and mean of the confidences, float64 [5, G], as decimal log-odds.

    Near one they are told apart by how far they are from it, which ranks know and confidences not.
    """
    told = run.replacements
    odds = _read_decimal_odds(told) * math.log(10)
    held, start = np.full((len(generations), len(run.classes)), -np.inf), 0
    for row, generation in enumerate(generations):
        end = bisect_right(told, generation, key=lambda each: each[0])
        held[row:, [each[1] for each in told[start:end]]] = odds[start:end]
        start = end
    held = held[:, [*run.searched]]
    sure, doubt = (
        np.array([*np.percentile(each, parts, axis=1), each.mean(axis=1)])
        for each, parts in ((expit(held), (0, 25, 50, 75)), (expit(-held), (100, 75, 50, 25)))
    )
    decades: np.ndarray = np.clip(np.log10(sure.clip(1e-300)) - np.log10(doubt), *ENDS)
    return decades


def _read_decimal_odds(told: Sequence[tuple[int, int, float, float]]) -> np.ndarray:
    """Give decimal log-odds of replacements: of a target without logits, ranks are confidences."""
    sure, ranks = np.array([each[2:] for each in told]).reshape(-1, 2).T
    decades = np.where(ranks == sure, present.decimal_odds(sure), ranks / math.log(10))
    return np.clip(decades, *ENDS)


def draw_thresholds(history: Sequence[GenerationReport], classes: int) -> bytes:
    """Draw how many of the searched classes have reached each confidence, over images scored."""
    x, (counts,) = _read_columns(history, "classes_ge")
    names = [f"≥ {level(threshold)}" for threshold in history[-1].thresholds]
    lines = [present.StepCurve(x, counts[:, i], names[i], 3 - i) for i in range(len(names))]
    return present.draw_figure(present.steps(lines, "counts", x, most=classes))


def draw_replacements(history: Sequence[GenerationReport]) -> bytes:
    """Draw each generation's replacements, and the goal switches among them."""
    drawn, axes = present.new_axes(520, 330, right=24)
    edges = np.unique(np.linspace(0, len(history), min(len(history), 100) + 1).round())
    starts = edges[:-1].astype(int)
    for name, colour, text in (
        ("replacements", _BLUE, "replacements"),
        ("goal_switches", _ORANGE, "of them goal switches"),
    ):
        counts = np.array([getattr(report, name) for report in history], dtype=float)
        means = np.add.reduceat(counts, starts) / np.diff(edges)
        axes.stairs(means, edges + history[0].generation - 0.5, fill=True, color=colour, label=text)
    present.mark_counts(axes, 1.2 * axes.get_ylim()[1], whole=True)
    first, last = history[0].generation, history[-1].generation
    present.label_counts(axes, [first, last], "generation")
    look: Any = {"fontsize": 13 * POINT, "labelcolor": MUTED, "frameon": False}
    look |= {"handlelength": 1.1, "handleheight": 0.9, "borderaxespad": 0.1}
    axes.legend(loc="upper right", **look)
    return present.draw_figure(drawn)


def draw_sizes(history: Sequence[GenerationReport]) -> bytes:
    """Draw the mean size of the elites' genomes over images scored."""
    names = ("connections", "nodes")
    x, columns = _read_columns(history, *names)
    lines = [present.StepCurve(x, columns[place], name, place) for place, name in enumerate(names)]
    return present.draw_figure(present.steps(lines, "counts", x))


def _read_columns(
    history: Sequence[GenerationReport], *names: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Give the images scored, and some numbers, of at most MOST_POINTS generations."""
    shown = _choose_reports(history)
    x, *columns = ([getattr(r, name) for r in shown] for name in ("evaluations", *names))
    return np.array(x), [np.array(each, float) for each in columns]


def _choose_reports(history: Sequence[GenerationReport]) -> list[GenerationReport]:
    return [history[place] for place in present.evenly(len(history), MOST_POINTS)]
