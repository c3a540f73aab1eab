"""What a person sees of a run under way."""

from __future__ import annotations

import io
import re
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console
from waiting import wait_until

from neatfool.evolution import progress
from neatfool.evolution.progress import ProgressDisplay, ProgressLine
from neatfool.experiment.framework import GeneralSettings
from neatfool.run.statistics import GenerationReport, Stages

BATCH = 100


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that stands still until it is moved."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def report(
    generation, *, replacements=1, median=0.5, minimum=0.25, ge_99=3, evaluations=None, scoring=0.0
):
    return GenerationReport(
        generation=generation,
        evaluations=evaluations or BATCH * (generation + 1),
        median=median,
        mean=median,
        minimum=minimum,
        lower_quartile=minimum,
        upper_quartile=median,
        classes_ge=(9, 7, ge_99, 1),
        elites=10,
        replacements=replacements,
        goal_switches=0,
        refused=0,
        nodes=1.0,
        connections=4.0,
        confirmed=BATCH,
        stages=Stages(scoring=scoring),
    )


class Watched:
    """A display with what it writes, and a made-up run of ten classes."""

    def __init__(
        self, clock, *, terminal=False, width=160, jupyter=False, history=(), name="toy", **options
    ):
        self.clock = clock
        console = Console(
            file=io.StringIO(),
            force_terminal=terminal,
            force_jupyter=jupyter,
            width=width,
            highlight=False,
            _environ={},
        )
        self.output = console.file.getvalue
        options = {"generations": 10, "images": None, "stall_after": 50} | options
        evaluations = history[-1].evaluations if history else 0
        self.session = SimpleNamespace(
            general=GeneralSettings(**options),
            scored=evaluations,
            ranks=(0.0, 0.0),
            searched=10,
            workers="",
            progress_of_workers=str,
        )
        self.display = ProgressDisplay(console, self.session)
        run = SimpleNamespace(name=name, history=list(history), evaluations=evaluations)
        self.display.neatfool_run_started(run)

    def see(self, *reports, seconds=1.0):
        for one in reports:
            self.clock.now += seconds
            self.session.scored = one.evaluations
            self.display.neatfool_generation_done(one)

    def drawn(self):
        """Stop; give the line as it was drawn last, without its control codes."""
        self.display.neatfool_run_finished()
        return re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", self.output()).split("\r")[-3]

    @property
    def lines(self):
        return self.output().splitlines()


# without a terminal


def test_a_line_says_how_far_how_fast_and_how_well(clock):
    watched = Watched(clock)
    watched.see(report(0), report(1, median=0.5, minimum=0.25, ge_99=3), seconds=10)
    assert watched.lines[1] == (
        "generation 2/10  200 images  10/s  1 min 20 s left  median 50.0 %  min 25.0 %  "
        ">= 99 %: 3/10"
    )


def test_generations_that_may_have_compiled_tell_no_speed(clock):
    watched = Watched(clock)
    watched.see(report(0, median=0.5, minimum=0.25, ge_99=3), seconds=60)
    watched.see(report(1), seconds=25)
    watched.see(report(2), seconds=5)
    assert watched.lines[0] == (
        "generation 1/10  100 images  compiling  median 50.0 %  min 25.0 %  >= 99 %: 3/10"
    )
    assert [line.split("  ")[2] for line in watched.lines] == ["compiling"] * 3
    watched.see(report(3), seconds=5)
    assert "  20/s  30 s left  " in watched.lines[3]


def test_a_long_first_generation_tells_its_speed_while_it_is_under_way(clock):
    watched = Watched(clock, terminal=True, generations=None, images=1000)
    for scored in (20, 40, 60):
        clock.now += 10
        watched.session.scored = scored
        wait_until(lambda scored=scored: f"{scored} images so far" in watched.output())
    assert "60 images so far  2/s  7 min 50 s left" in watched.drawn()


def test_plain_lines_come_now_and_then(clock):
    watched = Watched(clock, generations=100)
    watched.see(*map(report, range(20)), seconds=1)
    assert [line.split("  ")[0] for line in watched.lines] == [
        f"generation {generation}/100" for generation in (1, 6, 11, 16)
    ]


def test_plain_lines_hold_no_control_characters(clock):
    watched = Watched(clock)
    watched.see(*map(report, range(10)), seconds=6)
    watched.display.neatfool_run_finished()
    assert len(watched.lines) == 10
    assert all(character.isprintable() or character == "\n" for character in watched.output())


def test_what_changes_is_told_while_the_first_generation_takes_long(clock, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_TO_THE_FIRST_LINE", 0.01)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    watched = Watched(clock)
    wait_until(lambda: watched.lines)
    time.sleep(0.1)
    watched.session.scored = 48
    wait_until(lambda: len(watched.lines) > 1)
    assert watched.lines == [f"{count} images so far  compiling" for count in (0, 48)]
    watched.see(report(0))
    assert watched.lines[2].startswith("generation 1/10  100 images  ")


def test_certainties_are_told_apart_by_their_log_odds(clock):
    watched = Watched(clock)
    watched.session.ranks = (20.0, 17.0)
    watched.see(report(0, median=1.0, minimum=1.0))
    said = "  median > 99.99 % (log-odds 20.0)  min > 99.99 % (log-odds 17.0)  "
    assert said in watched.lines[0]


def test_a_certainty_without_log_odds_is_no_100_per_cent(clock):
    watched = Watched(clock)
    watched.see(report(0, median=1.0, minimum=0.994))
    assert "  median > 99.99 %  min 99.4 %  " in watched.lines[0]


# speed and time left


def test_the_speed_is_that_of_the_last_seconds(clock):
    watched = Watched(clock, generations=100)
    watched.see(*map(report, range(10)), seconds=10)
    assert "  10/s  " in watched.lines[-1]
    watched.see(*map(report, range(10, 40)), seconds=0.5)
    assert "  200/s  30 s left  " in watched.lines[-1]
    assert watched.lines[-1].startswith("generation 40/100  ")


def test_the_time_left_counts_down_to_nothing(clock):
    watched = Watched(clock)
    watched.see(*map(report, range(10)), seconds=60)
    assert "8 min 0 s left" in watched.lines[1]
    assert "  0 s left" in watched.lines[-1]


def test_a_run_of_so_many_images_counts_in_images(clock):
    watched = Watched(clock, generations=None, images=1000)
    watched.see(report(0), report(1), seconds=10)
    assert watched.lines[0].startswith("generation 1  100 images  compiling  median")
    assert watched.lines[1].startswith("generation 2  200 images  10/s  1 min 20 s left")


def test_a_resumed_run_counts_only_its_own_images_for_the_speed(clock):
    watched = Watched(clock, history=[report(n) for n in range(6)])
    watched.see(report(6), report(7), seconds=10)
    assert watched.lines[1].startswith("generation 8/10  800 images  10/s  20 s left")


def test_no_speed_is_told_where_no_time_has_passed(clock):
    watched = Watched(clock)
    watched.see(report(0), seconds=0)
    assert watched.lines[0].startswith("generation 1/10  100 images  compiling  median")


def test_the_time_that_scoring_took_is_that_of_the_generations_seen(clock):
    watched = Watched(clock, history=[report(n, scoring=100) for n in range(2)])
    watched.see(report(2, scoring=0.5), report(3, scoring=0.25))
    assert watched.display.scoring_seconds == 0.75


# on a terminal


def test_a_terminal_gets_one_live_line(clock):
    watched = Watched(clock, terminal=True)
    watched.see(*map(report, range(4)), seconds=10)
    last = watched.drawn()
    assert re.fullmatch(
        "toy  ━+╺?╸?━+  generation 4/10  400 images  10/s  1 min 0 s left  median 50.0 %  "
        "min 25.0 %  >= 99 %: 3/10",
        last,
    )
    assert watched.output().endswith("\x1b[1A\x1b[2K"), "the line is gone at the end"


def test_a_resumed_run_begins_with_what_is_known(clock):
    watched = Watched(clock, terminal=True, history=[report(n) for n in range(6)])
    assert "generation 6/10  600 images  compiling  median 50.0 %" in watched.drawn()


def test_the_live_line_counts_images_while_a_generation_is_under_way(clock):
    watched = Watched(clock, terminal=True)
    watched.session.scored = 48
    wait_until(lambda: "48 images so far" in watched.output())
    watched.see(report(0))
    watched.session.scored = 148
    assert "generation 1/10  148 images  " in watched.drawn()


@pytest.mark.parametrize("length", [{}, {"generations": None, "images": 20_000}])
@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 120, 160])
def test_a_line_of_any_width_keeps_name_minimum_and_certain_classes(clock, width, length):
    watched = Watched(clock, terminal=True, width=width, **length)
    watched.see(*map(report, range(4)), seconds=1)
    line = watched.drawn()
    assert line.startswith("toy  ")
    assert line.endswith("min 25.0 %  >= 99 %: 3/10")
    assert cell_len(line) <= width


def test_a_long_name_is_shortened(clock):
    watched = Watched(clock, terminal=True, width=80, name="名" * 50)
    watched.see(report(0))
    line = watched.drawn()
    assert line.startswith("名名名名名名名名名")
    assert "…  " in line
    assert line.endswith("min 25.0 %  >= 99 %: 3/10")
    assert cell_len(line) <= 80


@pytest.mark.parametrize(("length", "done"), [({}, 3 / 10), ({"images": 1000}, 300 / 1000)])
def test_the_bar_grows_with_the_run(clock, length, done, monkeypatch):
    lines = []

    def line(*figures, **more):
        lines.append(ProgressLine(*figures, **more))
        return lines[-1]

    monkeypatch.setattr(progress, "ProgressLine", line)
    length = {"generations": None} | length if length else {}
    watched = Watched(clock, terminal=True, **length)
    watched.see(*map(report, range(3)))
    watched.drawn()
    assert lines[-1].done / lines[-1].total == done


# in a notebook


def test_a_notebook_gets_one_line_that_is_kept_up_to_date(clock, monkeypatch):
    shown = []

    class Handle:
        def update(self, data, *, raw):
            shown.append(data["text/plain"])

    def display(data, *, raw, display_id):
        shown.append(data["text/plain"])
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    watched = Watched(clock, jupyter=True)
    assert shown[0] == "toy  0 images so far  compiling"
    watched.session.scored = 48
    wait_until(lambda: shown[-1] == "toy  48 images so far  compiling")
    watched.see(*map(report, range(10)))
    watched.display.neatfool_run_finished()
    assert shown[-1].startswith("toy  generation 10/10  1,000 images  ")
    assert watched.output() == ""


# when nothing improves


def still(*generations, **more):
    return [report(generation, replacements=0, **more) for generation in generations]


def warnings(watched):
    return [line for line in watched.lines if line.startswith("Nothing has improved")]


def test_it_is_told_when_nothing_improves(clock):
    watched = Watched(clock, stall_after=3)
    watched.see(report(0), report(1), *still(2, 3))
    assert warnings(watched) == []
    watched.see(*still(4))
    assert warnings(watched) == ["Nothing has improved for 3 generations (since generation 2)."]


def test_it_is_told_again_as_long_as_nothing_improves(clock):
    watched = Watched(clock, stall_after=3)
    watched.see(report(0), *still(*range(1, 9)))
    assert warnings(watched) == [
        "Nothing has improved for 3 generations (since generation 1).",
        "Nothing has improved for 6 generations (since generation 1).",
    ]


def test_an_improvement_begins_the_count_anew(clock):
    watched = Watched(clock, stall_after=3)
    watched.see(report(0), *still(1, 2), report(3), *still(4, 5))
    assert warnings(watched) == []


def test_where_nothing_can_improve_nothing_is_told(clock):
    watched = Watched(clock, stall_after=3)
    watched.see(report(0), *still(1, 2, 3, median=1.0, minimum=1.0))
    assert warnings(watched) == []


def test_the_generations_before_a_resumption_count(clock):
    watched = Watched(clock, stall_after=3, history=[report(0), *still(1, 2)])
    watched.see(*still(3))
    assert warnings(watched) == ["Nothing has improved for 3 generations (since generation 1)."]


def test_a_terminal_is_told_beside_the_live_line(clock):
    watched = Watched(clock, terminal=True, stall_after=2)
    watched.see(report(0), *still(1, 2))
    watched.display.neatfool_run_finished()
    assert "Nothing has improved for 2 generations" in watched.output()


def test_a_resumption_within_a_long_stall_counts_all_of_it(clock):
    watched = Watched(clock, stall_after=3, history=[report(0), *still(1, 2, 3, 4, 5)])
    watched.see(*still(6))
    assert len(warnings(watched)) == 1
    assert "6 generations (since generation 1)" in warnings(watched)[0]
