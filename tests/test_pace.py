"""How fast something goes, and when that can be told."""

import pytest

from neatfool.pace import Pace


def noted(*steps, pace=None):
    """Note steps, each of so many seconds and so many things."""
    now, done, pace = 0.0, 0, pace or Pace(0.0)
    for seconds, things in steps:
        now, done = now + seconds, done + things
        pace.note(now, done)
    return pace


def test_it_compiles_until_the_first_steady_second():
    before = noted((20, 100), *[(0.1, 100)] * 9)
    assert before.speed is None
    assert before.left(1000) == "compiling"
    after = noted((20, 100), *[(0.1, 100)] * 11)
    assert after.speed == pytest.approx(1000)
    assert after.left(60_000) == "1 min 0 s left"


def test_a_second_step_that_compiles_tells_no_speed_either():
    assert noted((20, 100), (6, 100), (0.1, 100)).speed is None
    assert noted((20, 100), (6, 100), *[(0.1, 100)] * 11).speed == pytest.approx(1000)


def test_a_pause_leaves_the_speed_as_it_was():
    steady = [(0.1, 100)] * 50
    for pause in ([], [(10, 100)], [(10, 100), *steady[:5]]):
        assert noted(*steady, *pause).speed == pytest.approx(1000)


def test_another_speed_is_told_once_it_is_steady():
    fast, slow = [(0.1, 100)] * 50, [(0.1, 10)] * 30
    assert noted(*fast, *slow).speed == pytest.approx(100)


def test_slow_steps_of_about_equal_length_suffice():
    assert noted((60, 10)).speed is None
    assert noted((60, 10), (40, 10)).speed == pytest.approx(0.2)


def test_what_goes_ahead_counts_alone():
    assert noted(*[(0.1, 0)] * 30, (0.1, 100)).speed is None


def test_few_of_many_quick_steps_are_kept():
    pace = noted(*[(0.001, 1)] * 10_000)
    assert pace.speed == pytest.approx(1000)
    assert len(pace._notes) < 200, "only memory shows it"


def test_steps_that_take_no_time_are_no_error():
    assert noted((0, 1), (0, 1), (0, 1)).left(7) == "compiling"
    assert noted((1, 1), (1, 1), (0, 1), (0, 1)).left(0) == "0 s left"
