from __future__ import annotations

import csv
import io
import json
import time
from contextlib import closing

import jsonschema
import numpy as np
import pytest
from made_up_runs import random_course, write_run

from neatfool import RunError, open_run
from neatfool.analysis import compare
from neatfool.measure.course import STATISTICS, TESTED_STATISTICS
from neatfool_plugins.compare.finding import Comparison


def group(folder, confidences, *, generations=4, length=None, **more):
    """Write a run for each confidence, which both classes come to in the last generation."""
    for seed, confidence in enumerate(confidences, 1):
        course = [[(0, p), (1, p)] for p in np.linspace(0.1, confidence, generations)]
        place = folder / f"{folder.name}-{seed}"
        write_run(place, course, name=folder.name, seed=seed, length=length, **more)
    return folder


def points_of(comparison):
    return [snapshot.evaluations for snapshot in comparison.at]


@pytest.fixture
def five_against_four(tmp_path):
    better = group(tmp_path / "better", [0.6, 0.7, 0.8, 0.9, 0.95])
    worse = group(tmp_path / "worse", [0.2, 0.3, 0.4, 0.65], batch=20, generations=2)
    return [better, worse]


def test_groups_are_compared_at_half_and_at_all_of_what_they_came_to(five_against_four):
    comparison = compare(five_against_four)
    assert points_of(comparison) == [20, 40]
    half, whole = comparison.at
    assert [half.groups[0].n, half.groups[1].n] == [5, 4]
    assert whole.groups[0].measures["median"].median == pytest.approx(0.8)
    assert whole.groups[1].measures["median"].median == pytest.approx(0.35)


def test_they_are_compared_where_one_asks_for_it(five_against_four):
    comparison = compare(five_against_four, at=(35, 10))
    assert points_of(comparison) == [10, 35]
    first, later = comparison.at
    # After 10 images the worse ones, of 20 a generation, have not begun.
    assert first.groups[1].measures["median"].median == 0
    assert later.groups[1].measures["median"].median == pytest.approx(0.1)


def test_the_test_is_that_of_the_values_at_the_point(five_against_four):
    found = {test.measure: test for test in compare(five_against_four).at[-1].tests}
    assert list(found) == [measure.key for measure in TESTED_STATISTICS]
    # All but .65 against .6 of the twenty pairs.
    assert found["median"].u == 19
    assert found["median"].n == (5, 4)
    # Of 126 ways to deal nine ranks out, two have U = 19 or more, and two U = 1 or less.
    assert found["median"].p == pytest.approx(4 / 126)


def test_beyond_what_a_group_came_to_nothing_is_said(five_against_four):
    (snapshot,) = compare(five_against_four, at=(41,)).at
    assert [snapshot.groups[0].n, snapshot.groups[1].n] == [0, 0]
    assert snapshot.tests == ()
    assert compare(five_against_four, at=(41,)).verdict().startswith("No run has come to 41 images")


def test_the_verdict_says_who_is_ahead_and_whether_by_chance(five_against_four):
    assert compare(five_against_four).verdict() == (
        "After 40 images the median confidence is 80.0 % for better and 35.0 % for worse. "
        "better is ahead in 19 of 20 pairs of runs. Chance alone would hardly do this "
        "(Mann-Whitney U, p = 0.032)."
    )
    # The same from the other side.
    turned = compare(five_against_four[::-1]).verdict()
    assert "better is ahead in 19 of 20 pairs of runs. Chance alone would hardly do this" in turned


def test_the_verdict_on_like_groups_is_that_it_may_be_chance(tmp_path):
    one = group(tmp_path / "one", [0.5, 0.6, 0.7, 0.8])
    other = group(tmp_path / "other", [0.55, 0.65, 0.75, 0.78], options={"parents": 3})
    told = compare([one, other]).verdict()
    assert "other is ahead in 9 of 16 pairs of runs. This may well be chance" in told


def test_too_few_seeds_are_said_to_be_too_few(tmp_path):
    one = group(tmp_path / "one", [0.7, 0.8, 0.9])
    other = group(tmp_path / "other", [0.2, 0.3, 0.4], options={"parents": 3})
    comparison = compare([one, other])
    assert [*comparison.notes] == [
        "3 seeds against 3 cannot reach p < 0.05 (the smallest possible is 0.1). Use at least four "
        "against four."
    ]
    said = "Too few seeds to tell a difference from chance (p = 0.1). After 40 images the median"
    assert comparison.verdict().startswith(said)


def test_enough_seeds_of_equal_length_need_no_note(five_against_four):
    assert compare(five_against_four).notes == ()


def test_different_targets_and_classes_are_told(tmp_path):
    one = group(tmp_path / "one", [0.5, 0.6, 0.7, 0.8])
    other = group(
        tmp_path / "other", [0.5, 0.6, 0.7, 0.8], fingerprint="b", classes=("a", "b", "c")
    )
    comparison = compare([one, other])
    assert not comparison.same_classes
    first, second = comparison.notes
    assert first.startswith(
        "The groups fool different targets (target 'patches' with other weights)"
    )
    assert second.startswith("The groups search different classes (one: 2, other: 3)")


def test_runs_under_way_are_told(tmp_path):
    group(tmp_path / "one", [0.5, 0.6], length=9)
    write_run(tmp_path / "one" / "one-3", [[(0, 0.1)]], name="one", seed=3, length=9)
    write_run(tmp_path / "one" / "one-4", [], name="one", seed=4, length=9)
    comparison = compare([tmp_path / "one"])
    assert [*comparison.notes] == [
        "one: seeds 1-3 are not at the end yet; each run counts as far as it has come.",
        f"one: {tmp_path / 'one' / 'one-4'} left out, as nothing is recorded yet or a longer run "
        "has the same seed.",
    ]
    assert points_of(comparison) == [20, 40]


def test_searches_that_ended_by_themselves_are_compared_with_those_that_went_on(tmp_path):
    group(tmp_path / "long", [0.5, 0.6, 0.7], generations=9)
    for seed, generations in ((1, 2), (2, 4), (3, 6)):
        course = [[(0, 0.8), (1, 0.8)]] * generations
        place = tmp_path / "short" / f"{seed}"
        write_run(place, course, name="short", seed=seed, ended=True, options={"stops": 1})
    comparison = compare(tmp_path)
    assert points_of(comparison) == [45, 90]
    assert [group.n for group in comparison.at[-1].groups] == [3, 3]
    assert comparison.notes[0] == (
        "short: the searches of seeds 1-3 ended early, with nothing left to do; after that counts "
        "what was found until then."
    )
    assert points_of(compare(tmp_path / "short")) == [30, 60]


def test_the_classes_are_in_one_order_the_easiest_first(tmp_path):
    easy_dog = [[(1, 0.9), (0, 0.1)], [(0, 0.2)]]
    write_run(tmp_path / "a", easy_dog, name="a", classes=("cat", "dog"))
    write_run(tmp_path / "b", easy_dog, name="b", classes=("cat", "dog"), batch=20)
    comparison = compare([tmp_path / "a", tmp_path / "b"])
    assert [order.tolist() for order in comparison.orders] == [[1, 0], [1, 0]]


def test_runs_that_found_other_classes_can_be_compared(tmp_path):
    ease = {"cat": 0.3, "dog": 0.9, "eel": 0.1}
    found = {"a": [("cat", "dog"), ("dog", "eel")], "b": [("eel", "cat", "dog"), ("dog",)]}
    for group, classes_by_seed in found.items():
        for seed, classes in enumerate(classes_by_seed, 1):
            course = [[(index, ease[name]) for index, name in enumerate(classes)]]
            more = {"name": group, "options": {"only in": group}}
            write_run(tmp_path / group / f"{seed}", course, seed=seed, classes=classes, **more)
    comparison = compare(tmp_path)
    assert comparison.same_classes
    names = comparison.gathered[0].classes
    assert comparison.gathered[1].classes == names
    orders = [[names[index] for index in order] for order in comparison.orders]
    assert orders == [["dog", "cat", "eel"]] * 2


def test_one_run_can_be_looked_at_alone(tmp_path):
    write_run(tmp_path / "a", [[(0, 0.5)], [(1, 0.7)]])
    comparison = compare([tmp_path / "a"])
    assert comparison.at[-1].tests == ()
    assert comparison.notes == ()
    assert comparison.verdict() == (
        "This is one seed. After 20 images the median confidence is 60.0 % for made-up."
    )


def test_the_only_seed_that_came_so_far_is_not_said_to_be_the_only_one(tmp_path):
    write_run(tmp_path / "a-1", [[(0, 0.5)]] * 3, seed=1)
    write_run(tmp_path / "a-2", [[(0, 0.5)]] * 5, seed=2)
    (group,) = compare(tmp_path).groups
    assert len(group.runs) == 2
    assert compare(tmp_path).verdict().startswith("Only one of 2 seeds has come this far. After 50")


def test_without_runs_there_is_nothing_to_compare():
    with pytest.raises(RunError, match="no run was named"):
        compare([])


def test_near_certainties_are_compared_by_their_log_odds(tmp_path):
    one = group(tmp_path / "one", [1 - 1e-5, 1 - 2e-5])
    other = group(tmp_path / "other", [1.0, 1.0], options={"parents": 3})
    comparison = compare([one, other])
    assert "> 99.99 % (log-odds > 16) for other and > 99.99 % (log-odds 11." in comparison.verdict()
    (table, _) = comparison.at[-1].panel().blocks
    title, first, second = table.rows[1]
    assert (title, first[:3], second) == ("in log-odds", "11.", "> 16")


def test_runs_that_are_open_are_compared_too(tmp_path):
    folder = group(tmp_path / "one", [0.5, 0.6])
    with closing(open_run(folder / "one-1")) as first, closing(open_run(folder / "one-2")) as other:
        opened = compare([first, other])
    assert opened.at == compare(folder).at


# files


def test_json_has_what_was_measured(five_against_four):
    told = json.loads(compare(five_against_four).json())
    assert [each["label"] for each in told["groups"]] == ["better", "worse"]
    assert [run["seed"] for run in told["groups"][1]["runs"]] == [1, 2, 3, 4]
    assert told["differ_in"] == {"[scheme] batch": [10, 20]}
    at = told["at"][-1]
    assert at["evaluations"] == 40
    better = at["groups"][0]
    assert better["n"] == 5
    assert better["measures"]["median"]["values"] == pytest.approx([0.6, 0.7, 0.8, 0.9, 0.95])
    assert [
        better["measures"]["median"][key] for key in ("lower", "median", "upper")
    ] == pytest.approx([0.7, 0.8, 0.9])
    assert better["classes"] == pytest.approx({"cat": 0.8, "dog": 0.8})
    test = next(each for each in at["tests"] if each["measure"] == "median")
    assert (test["first"], test["second"], test["u"]) == ("better", "worse", 19)
    assert test["p"] == pytest.approx(4 / 126)
    series = told["series"]
    assert series["evaluations"][0] == 0
    assert series["evaluations"][-1] == 40
    assert series["groups"][0]["measures"]["median"]["median"][-1] == pytest.approx(0.8)


def test_the_json_fits_its_schema_which_describes_each_field(five_against_four):
    schema = Comparison.model_json_schema(mode="serialization")
    jsonschema.validate(json.loads(compare(five_against_four).json()), schema)
    parts = [schema, *schema["$defs"].values()]
    assert all("description" in each for part in parts for each in part["properties"].values())


def test_json_says_null_where_nothing_is_known(tmp_path):
    group(tmp_path / "one", [0.5, 0.6])
    write_run(tmp_path / "long", [[(0, 0.1)]] * 9, name="long")
    text = compare([tmp_path / "one", tmp_path / "long"]).json()
    series = json.loads(text)["series"]["groups"][0]["measures"]
    assert series["median"]["median"][-1] is None
    assert "NaN" not in text


def test_csv_has_each_runs_course_as_far_as_it_came(five_against_four):
    rows = list(csv.DictReader(io.StringIO(compare(five_against_four).csv())))
    assert list(rows[0]) == ["group", "seed", "evaluations", *STATISTICS]
    chosen = [row for row in rows if (row["group"], row["seed"]) == ("worse", "4")]
    by_images = {int(row["evaluations"]): float(row["median"]) for row in chosen}
    assert (by_images[0], by_images[20], by_images[39]) == pytest.approx((0, 0.1, 0.1))
    assert by_images[40] == pytest.approx(0.65)
    assert rows[-1]["connections"] == "4.1"


def test_csv_has_each_classs_course_as_far_as_half_of_the_runs_came(tmp_path):
    course = [[(0, 0.5)], [(1, 0.7)], [(0, 0.9)], []]
    for seed in (1, 2):
        write_run(tmp_path / f"a-{seed}", course, name="a", seed=seed)
    write_run(tmp_path / "b-1", course * 2, name="b", options={"parents": 2})
    rows = list(csv.DictReader(io.StringIO(compare(tmp_path).classes().csv())))
    assert [(row["group"], row["class"]) for row in rows] == [
        (group, name) for group in ("a", "b") for name in ("cat", "dog")
    ]
    cat, dog = rows[:2]
    assert [cat[images] for images in ("0", "10", "29", "30", "40")] == [
        *("0", "0.5", "0.5", "0.9", "0.9")
    ]
    assert (dog["19"], dog["20"], dog["41"], rows[3]["41"]) == ("0", "0.7", "", "0.7")


@pytest.mark.slow
def test_ten_runs_of_a_thousand_classes_are_compared_in_seconds(tmp_path):
    names = [f"class {number}" for number in range(1000)]
    for name, pace in (("a", 0.3), ("b", 0.2)):
        course = random_course(1000, 2000, seed=1, pace=pace)
        for seed in range(1, 6):
            place = tmp_path / name / f"{name}-{seed}"
            write_run(place, course, classes=names, name=name, seed=seed)
    began = time.perf_counter()
    comparison = compare([tmp_path / "a", tmp_path / "b"])
    comparison.json()
    assert comparison.maps[0].shape == (1000, 201)
    assert time.perf_counter() - began < 10
