import numpy as np
import pytest
from made_up_runs import write_run

from neatfool import open_run
from neatfool.measure import RunCourse


def course_of(folder, course, **more):
    run = open_run(write_run(folder, course, **more))
    read = RunCourse(run)
    run.close()
    return read


@pytest.fixture
def read(tmp_path):
    # 10 images a generation; cat: .2 .2 .6 .6, dog: 0 .4 .4 .9
    course = [[(0, 0.2)], [(1, 0.4)], [(0, 0.6)], [(1, 0.7), (1, 0.9)]]
    return course_of(tmp_path / "run", course, goal_switch=True)


def test_a_run_is_read_as_it_was_recorded(read):
    assert (read.name, read.seed, read.classes) == ("made-up", 1, ("cat", "dog"))
    assert read.evaluations.tolist() == [10, 20, 30, 40]
    assert read.length == 40
    assert read.finished
    assert read.values["median"] == pytest.approx([0.1, 0.3, 0.5, 0.75])
    assert read.values["classes_ge_0.5"].tolist() == [0, 0, 1, 2]
    assert read.values["classes_ge_0.9"].tolist() == [0, 0, 0, 1]


def test_replacements_and_goal_switches_are_counted_from_the_beginning(read):
    assert read.values["replacements"].tolist() == [1, 2, 3, 5]
    assert read.values["goal_switches"].tolist() == [1, 2, 3, 5]


def test_between_generations_a_run_is_what_it_was_after_the_last(read):
    grid = np.array([0, 9, 10, 19, 20, 39, 40, 41])
    expected = [0, 0, 0.1, 0.1, 0.3, 0.5, 0.75, np.nan]
    assert read.at("median", grid) == pytest.approx(expected, nan_ok=True)


def test_only_the_classes_that_are_searched_have_a_row(tmp_path):
    course = [[(0, 0.1), (2, 0.3)], [(2, 0.5)]]
    read = course_of(tmp_path / "run", course, classes=("a", "b", "c"), searched=(0, 2))
    assert read.classes == ("a", "c")


def test_a_run_without_a_generation_has_nothing_to_say(tmp_path):
    read = course_of(tmp_path / "run", [], length=5)
    assert read.length == 0
    assert not read.finished
    assert np.isnan(read.at("median", np.array([1, 2]))).all()


def test_a_run_under_way_is_not_finished(tmp_path):
    assert not course_of(tmp_path / "run", [[(0, 0.5)]], length=2).finished


def test_what_a_search_found_that_ended_by_itself_counts_from_then_on(tmp_path):
    read = course_of(tmp_path / "run", [[(0, 0.5)], [(1, 0.7)]], length=9, ended=True)
    assert (read.ended, read.finished) == (True, True)
    assert (read.length, read.reach) == (20, np.inf)
    grid = np.array([10, 20, 1000])
    assert read.at("mean", grid).tolist() == pytest.approx([0.25, 0.6, 0.6])
