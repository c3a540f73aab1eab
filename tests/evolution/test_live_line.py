"""A line that fits its terminal, and leaves nothing behind when that becomes narrower."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from neatfool.evolution.progress import ProgressLine, show_live

FIGURES = {"far": "generation 12/100", "speed": "50/s", "low": "min 25.0 %"}


def line(**more):
    return ProgressLine("toy", 3, 10, FIGURES, **{"spare": ("speed", "far")} | more)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, ("toy", 24, "generation 12/100  50/s  min 25.0 %")),
        (52, ("toy", 10, "generation 12/100  50/s  min 25.0 %")),
        (40, ("toy", 0, "generation 12/100  50/s  min 25.0 %")),
        (39, ("toy", 0, "generation 12/100  min 25.0 %")),
        (33, ("toy", 16, "min 25.0 %")),
        (20, ("toy", 0, "min 25.0 %")),
        (14, ("t…", 0, "min 25.0 %")),
        (9, ("…", 0, "min 2…")),
    ],
)
def test_what_there_is_no_room_for_is_left_out_in_order(width, shown):
    name, bar, text = line().fit(width)
    assert (name, bar, text) == shown
    assert cell_len(name + text) + 2 + (bar + 2 if bar else 0) <= width


def test_the_cursor_waits_at_the_start_and_all_behind_it_is_erased():
    # A terminal that becomes narrower breaks the line in two, and only so both parts vanish.
    console = Console(file=io.StringIO(), force_terminal=True, width=60, _environ={})
    stop = show_live(console, line)
    stop()
    drawings = console.file.getvalue().split("\x1b[J")[1:]
    assert len(drawings) >= 2
    assert all("\n" not in drawn.split("\r")[0] for drawn in drawings)
    assert all(drawn.split("\r", 1)[0].endswith("min 25.0 %") for drawn in drawings)


def test_a_bar_without_colour_takes_the_same_room():
    console = Console(file=io.StringIO(), force_terminal=True, width=60, no_color=True, _environ={})
    with console.capture() as captured:
        console.print(line(spare=()))
    assert captured.get().strip("\r\n").removeprefix("\x1b[J").index("gen") == 3 + 2 + 18 + 2
