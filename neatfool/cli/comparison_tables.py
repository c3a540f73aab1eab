"""A comparison in a terminal: tables that can be read without colour."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.markup import escape
from rich.table import Table

from neatfool.comparison.comparison import TESTED
from neatfool.comparison.series import MEASURES
from neatfool.comparison.verdict import verdict
from neatfool.comparison.wording import in_words, name_of, pair_in_words, short_name_of
from neatfool.replicates.seed_list import format_seeds
from neatfool.report.charts.keys import key_of

if TYPE_CHECKING:
    from rich.console import Console

    from neatfool.comparison.comparison import Comparison, Snapshot

MOST_ROWS: Final = 20
"""Classes that have a row each; more are put together."""
COLUMNS: Final = 24
MOST_WITH_QUARTILES: Final = 3
"""Groups whose medians have their quartiles beside them; for those of more there is no room."""
_BLOCKS: Final = ((0.9999, "█"), (0.99, "▆"), (0.9, "▄"), (0.5, "▃"), (0.1, "▂"), (0.01, "▁"))


def show(comparison: Comparison, console: Console) -> None:
    """Print a comparison."""

    def say(text: str, style: str | None = None) -> None:
        console.print(escape(text), style=style, soft_wrap=True)

    console.print(_groups(comparison))
    if comparison.options:
        say("They differ in", "bold")
        console.print(_options(comparison))
    for snapshot in comparison.snapshots:
        quartiles = "[quartiles]" if _has_room(comparison) else "(quartiles: --json or --html)"
        say(f"After {snapshot.evaluations:,} images: median over seeds {quartiles}", "bold")
        console.print(_snapshot(comparison, snapshot))
        if snapshot.differences:
            say("Mann-Whitney U, two-sided: pairs of runs in which the first is the higher", "bold")
            console.print(_tests(comparison, snapshot))
    longest = int(comparison.grid[-1])
    say(f"Classes, the easiest first, from 0 to {longest:,} images: median over seeds", "bold")
    console.print(_classes(comparison))
    signs = ", ".join(f"{sign} {100 * level:g} %" for level, sign in reversed(_BLOCKS))
    say(f"The confidence is at least: {signs}")
    say(verdict(comparison), "bold")
    for note in comparison.notes:
        say(f"Note: {note}")


def _has_room(comparison: Comparison) -> bool:
    return len(comparison.groups) <= MOST_WITH_QUARTILES


def _groups(comparison: Comparison) -> Table:
    table = Table()
    for heading in ("", "group", "seeds"):
        table.add_column(heading)
    table.add_column("images scored", justify="right")
    table.add_column("target")
    for place, group in enumerate(comparison.groups):
        lengths = sorted({run.length for run in group.runs})
        told = f"{lengths[0]:,}" + (f" to {lengths[-1]:,}" if len(lengths) > 1 else "")
        seeds = f"{format_seeds(group.seeds)} (n={len(group.runs)})"
        cells = (group.label, seeds, told, group.first.target)
        table.add_row(key_of(place), *map(escape, cells))
    return table


def _options(comparison: Comparison) -> Table:
    table = Table()
    table.add_column("option", overflow="fold")
    for place in range(len(comparison.groups)):
        table.add_column(key_of(place), overflow="fold")
    for name, values in comparison.options.items():
        table.add_row(escape(name), *(escape(_value(value)) for value in values))
    return table


def _value(value: object) -> str:
    return "-" if value is None else str(value)


def _snapshot(comparison: Comparison, snapshot: Snapshot) -> Table:
    table = Table()
    table.add_column("", no_wrap=True)
    for place in range(len(comparison.groups)):
        heading = f"{key_of(place)} (n={snapshot.n(place)})"
        table.add_column(heading, justify="right", overflow="fold")
    for measure in MEASURES:
        cells = [in_words(measure, summary) for summary in snapshot.summaries[measure]]
        if not _has_room(comparison):
            cells = [cell.partition(" [")[0] for cell in cells]
        table.add_row(name_of(measure), *map(escape, cells))
    return table


def _tests(comparison: Comparison, snapshot: Snapshot) -> Table:
    table = Table(padding=(0, 1, 0, 0))
    table.add_column("")
    for measure in TESTED:
        table.add_column(short_name_of(measure))
    pairs = dict.fromkeys((each.first, each.second) for each in snapshot.differences)
    for first, second in pairs:
        cells = [
            pair_in_words(each.test)
            for each in snapshot.differences
            if (each.first, each.second) == (first, second)
        ]
        table.add_row(f"{key_of(first)} : {key_of(second)}", *cells)
    return table


def _classes(comparison: Comparison) -> Table:
    """Draw the heat map in letters: a row for a class, or for several of like ease."""
    table = Table()
    count = len(comparison.orders[0])
    named = comparison.same_classes and count <= MOST_ROWS
    table.add_column("class" if named else "classes by ease", no_wrap=True)
    for place in range(len(comparison.groups)):
        table.add_column(key_of(place), no_wrap=True)
    rows = min(max(map(len, comparison.orders)), MOST_ROWS)
    drawn = [_rows(comparison, place, rows) for place in range(len(comparison.groups))]
    for row in range(rows):
        first, last = row * count // rows, (row + 1) * count // rows
        if named:
            head = comparison.groups[0].first.classes[comparison.orders[0][row]]
        elif comparison.same_classes:
            head = f"{first + 1}-{last}" if last > first + 1 else f"{first + 1}"
        else:
            head = f"{100 * row // rows} % to {100 * (row + 1) // rows} %"
        table.add_row(escape(head), *(lines[row] for lines in drawn))
    return table


def _rows(comparison: Comparison, place: int, rows: int) -> list[str]:
    columns = np.linspace(0, len(comparison.grid) - 1, COLUMNS + 1).round().astype(int)[1:]
    confidences = comparison.maps[place][comparison.orders[place]][:, columns]
    edges = [row * len(confidences) // rows for row in range(rows + 1)]
    bands = [
        np.median(confidences[first : max(last, first + 1)], axis=0)
        for first, last in pairwise(edges)
    ]
    return ["".join(map(_sign, band)) for band in bands]


def _sign(confidence: float) -> str:
    if not np.isfinite(confidence):
        return " "
    return next((sign for level, sign in _BLOCKS if confidence >= level), "·")
