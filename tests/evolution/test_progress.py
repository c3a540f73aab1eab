"""What a person sees of a run under way."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up_runs import report_of
from rich.console import Console
from waiting import wait_until

from neatfool.evolution import progress
from neatfool.evolution.progress import ProgressDisplay
from neatfool.experiment.framework import GeneralSettings
from neatfool.run.statistics import Stages

BATCH = 100


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that stands still until it is moved."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def report(generation, *, scoring=0.0, **numbers):
    made = report_of(generation, [0.5] * 10, batch=BATCH, stages=Stages(scoring=scoring))
    usual = {"replacements": 1, "minimum": 0.25, "classes_ge": (9, 7, 3, 1)}
    return replace(made, **usual | numbers)


class Watched:
    """A display with what it writes, and a made-up run of ten classes."""

    def __init__(self, clock, *, terminal=False, width=160, history=(), name="toy", **options):
        self.clock = clock
        console = Console(
            file=io.StringIO(), force_terminal=terminal, width=width, highlight=False, _environ={}
        )
        self.output = console.file.getvalue
        options = {"generations": 10, "images": None} | options
        evaluations = history[-1].evaluations if history else 0
        self.session = SimpleNamespace(
            general=GeneralSettings(**options),
            scored=evaluations,
            ranks=(0.0, 0.0),
            searched=10,
            best=None,
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

    @property
    def told(self):
        return "  ".join(self.display.describe())

    @property
    def lines(self):
        return self.output().splitlines()


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_TO_THE_FIRST_LINE", 0.01)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)


def test_it_says_how_far_how_fast_and_how_well(clock):
    watched = Watched(clock)
    watched.see(report(0), report(1, median=0.5, minimum=0.25, classes_ge=(9, 7, 3, 1)), seconds=10)
    assert watched.told == (
        "generation 2/10  200 images  10/s  1 min 20 s left  median 50.0 %  min 25.0 %  "
        ">= 99 %: 3/10"
    )


@pytest.mark.parametrize(
    ("searched", "said"), [(10, "best 12.5  median -3.2  niches filled: 4/10"), (1, "best 12.5")]
)
def test_of_an_objective_it_says_the_best_score(clock, searched, said):
    watched = Watched(clock)
    watched.session.best, watched.session.searched = 12.5, searched
    watched.see(replace(report(0, median=-3.2), filled=4))
    assert watched.display.describe()[1] == said


def test_a_long_first_generation_tells_its_speed_while_it_is_under_way(clock):
    watched = Watched(clock, generations=None, images=1000)
    for scored in (20, 40, 60):
        clock.now += 10
        watched.session.scored = scored
        told = watched.told
    assert told.startswith("60 images so far  2/s  7 min 50 s left")


def test_plain_lines_tell_what_changed_without_control_characters(clock, often):
    watched = Watched(clock)
    wait_until(lambda: watched.lines)
    watched.session.scored = 48
    wait_until(lambda: len(watched.lines) > 1)
    watched.see(report(0))
    wait_until(lambda: len(watched.lines) > 2)
    watched.display.neatfool_run_finished()
    assert watched.lines[:2] == [f"{count} images so far  compiling" for count in (0, 48)]
    assert watched.lines[2].startswith("generation 1/10  100 images  ")
    assert all(character.isprintable() or character == "\n" for character in watched.output())


@pytest.mark.parametrize(
    ("ranks", "minimum", "said"),
    [
        ((20.0, 17.0), 1.0, "median > 99.99 % (log-odds 20.0)  min > 99.99 % (log-odds 17.0)"),
        ((0.0, 0.0), 0.994, "median > 99.99 %  min 99.4 %"),
    ],
)
def test_a_certainty_is_no_100_per_cent(clock, ranks, minimum, said):
    watched = Watched(clock)
    watched.session.ranks = ranks
    watched.see(report(0, median=1.0, minimum=minimum))
    assert said in watched.told


def test_a_run_of_so_many_images_counts_in_images(clock):
    watched = Watched(clock, generations=None, images=1000)
    watched.see(report(0), report(1), seconds=10)
    assert watched.told.startswith("generation 2  200 images  10/s  1 min 20 s left")


def test_a_resumed_run_begins_with_what_is_known_and_counts_only_its_own_images_for_the_speed(
    clock,
):
    watched = Watched(clock, history=[report(n, scoring=100) for n in range(6)])
    assert watched.told.startswith("generation 6/10  600 images  compiling  median 50.0 %")
    watched.see(report(6, scoring=0.5), report(7, scoring=0.25), seconds=10)
    assert watched.told.startswith("generation 8/10  800 images  10/s  20 s left")
    assert watched.display.scoring_seconds == 0.75


@pytest.mark.parametrize("width", [40, 60, 80, 160])
@pytest.mark.parametrize("name", ["toy", "名" * 50])
def test_a_terminal_gets_two_live_lines_of_any_width_which_vanish(clock, width, name):
    watched = Watched(clock, terminal=True, width=width, name=name)
    watched.see(*map(report, range(4)), seconds=10)
    watched.session.scored = 448
    wait_until(lambda: "min 25.0 %" in watched.output())
    watched.display.neatfool_run_finished()
    assert "━" in watched.output()
    if width == 160 and name == "toy":
        assert "generation 4/10  448 images  10/s  " in watched.output()
    assert watched.output().endswith("\x1b[1A\x1b[2K"), "the lines are gone at the end"


def test_generations_that_may_have_compiled_tell_no_speed(clock):
    watched = Watched(clock)
    for generation, seconds in enumerate((60, 25, 5)):
        watched.see(report(generation), seconds=seconds)
        assert "  compiling  " in watched.told
    watched.see(report(3), seconds=5)
    assert "  20/s  30 s left  " in watched.told
