import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing

import jsonschema
import numpy as np
import pytest
from commands import neatfool, run_small
from made_up_runs import write_run

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


def headlines(comparison):
    return " ".join(comparison.headlines())


def test_beyond_what_a_group_came_to_nothing_is_said(five_against_four):
    (snapshot,) = compare(five_against_four, at=(41,)).at
    assert [snapshot.groups[0].n, snapshot.groups[1].n] == [0, 0]
    assert snapshot.tests == ()
    assert headlines(compare(five_against_four, at=(41,))) == (
        "Too few runs have reached 41 images; the longest has 40."
    )


def test_the_verdict_says_who_is_ahead_and_whether_by_chance(five_against_four):
    told = (
        "better is ahead of worse after 40 images; the difference is unlikely to be due to chance. "
        "After 40 images the median confidence is 80.0 % for better and 35.0 % for worse. "
        "It is ahead in 19 of 20 pairs of runs (Mann-Whitney U, p = 0.032)."
    )
    assert headlines(compare(five_against_four)) == told
    assert headlines(compare(five_against_four[::-1])) == told  # the same from the other side
    assert compare(five_against_four).notes == ()


def test_the_verdict_on_like_groups_is_that_it_may_be_chance(tmp_path):
    one = group(tmp_path / "one", [0.5, 0.6, 0.7, 0.8])
    other = group(tmp_path / "other", [0.55, 0.65, 0.75, 0.78], options={"parents": 3})
    told = headlines(compare([one, other]))
    assert "other is ahead of one after 40 images; the difference may be due to chance." in told


def test_too_few_seeds_are_said_to_be_too_few(tmp_path):
    one = group(tmp_path / "one", [0.7, 0.8, 0.9])
    other = group(tmp_path / "other", [0.2, 0.3, 0.4], options={"parents": 3})
    comparison = compare([one, other])
    assert "there are too few seeds to tell this from chance." in headlines(comparison)


def test_different_targets_and_classes_are_told(tmp_path):
    one = group(tmp_path / "one", [0.5, 0.6, 0.7, 0.8])
    other = group(
        tmp_path / "other", [0.5, 0.6, 0.7, 0.8], fingerprint="b", classes=("a", "b", "c")
    )
    comparison = compare([one, other])
    first, second = comparison.notes
    assert first.startswith("The groups fool different targets (target 'patches').")
    assert second.startswith("The groups search different classes (one: 2, other: 3)")


def test_runs_under_way_are_told(tmp_path):
    group(tmp_path / "one", [0.5, 0.6], length=9)
    write_run(tmp_path / "one" / "one-3", [[(0, 0.1)]], name="one", seed=3, length=9)
    write_run(tmp_path / "one" / "one-4", [], name="one", seed=4, length=9)
    comparison = compare([tmp_path / "one"])
    assert [*comparison.notes] == [
        "one: the search with seeds 1-3 has not finished; what it has found so far counts.",
        f"one leaves out {tmp_path / 'one' / 'one-4'}, where nothing is recorded yet or whose seed "
        "a longer run has.",
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
        "short: the search with seeds 1-3 ended early, because nothing was left to do; what it "
        "had found by then counts from there on."
    )
    assert points_of(compare(tmp_path / "short")) == [30, 60]


def test_one_run_can_be_looked_at_alone(tmp_path):
    write_run(tmp_path / "a", [[(0, 0.5)], [(1, 0.7)]])
    comparison = compare([tmp_path / "a"])
    assert comparison.at[-1].tests == ()
    assert comparison.notes == ()
    assert headlines(comparison) == ("After 20 images the median confidence is 60.0 % for made-up.")


def test_without_runs_there_is_nothing_to_compare():
    with pytest.raises(RunError, match="no run was named"):
        compare([])


def test_near_certainties_are_compared_by_their_log_odds(tmp_path):
    one = group(tmp_path / "one", [1 - 1e-5, 1 - 2e-5])
    other = group(tmp_path / "other", [1.0, 1.0], options={"parents": 3})
    comparison = compare([one, other])
    assert "> 99.99 % (log-odds above 16) for other and > 99.99 % (log-odds 11." in headlines(
        comparison
    )
    (table, _) = comparison.at[-1].panel().blocks
    title, first, second = table.rows[0]
    assert (title, second) == ("median confidence", "> 99.99 % (log-odds above 16)")
    assert "(log-odds 11." in first


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
    test = next(each for each in at["tests"] if each["measure"] == "median")
    assert (test["first"], test["second"], test["u"]) == ("better", "worse", 19)
    assert test["p"] == pytest.approx(4 / 126)
    jsonschema.validate(told, Comparison.model_json_schema(mode="serialization"))


def test_csv_has_each_runs_course_as_far_as_it_came(five_against_four):
    rows = list(csv.DictReader(io.StringIO(compare(five_against_four).csv())))
    assert list(rows[0]) == ["group", "seed", "evaluations", *STATISTICS]
    chosen = [row for row in rows if (row["group"], row["seed"]) == ("worse", "4")]
    by_images = {int(row["evaluations"]): float(row["median"]) for row in chosen}
    assert (by_images[0], by_images[20], by_images[39]) == pytest.approx((0, 0.1, 0.1))
    assert by_images[40] == pytest.approx(0.65)
    assert rows[-1]["connections"] == "4.1"


FOUR = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Give a folder of two folders, each with four runs of small experiments."""
    folder = tmp_path_factory.mktemp("small")
    for name, batch, generations in (("small", 20, 8), ("tiny", 10, 12)):
        named = (f"experiment.name={name}", f"scheme.batch={batch}")
        for seed in FOUR:
            own = (f"experiment.generations={generations}", f"experiment.seed={seed}")
            run_small(folder, *named, *own, out=f"compared/{name}/{name}-{seed}")
    return folder / "compared"


def test_two_folders_are_compared_in_tables(runs):
    result = neatfool("compare", runs / "small", runs / "tiny", exit_code=0)
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    for words in (
        "│ A │ small │ 1-4 (n=4) │",
        "│ B │ tiny  │ 1-4 (n=4) │",
        "They differ in",
        "│ [scheme] batch │ 20 │ 10 │",
        "After 60 images: median over seeds [quartiles]",
        "After 120 images: median over seeds [quartiles]",
        "Mann-Whitney U, two-sided",
        "│ classes ≥ 99.99 % │",
        "│ goal switches ",
        "│ connections ",
        "After 120 images the median confidence is ",
    ):
        assert words in result.stdout, words
    assert max(map(len, result.stdout.splitlines())) < 250


def test_with_json_what_was_written_is_told_elsewhere(runs, tmp_path):
    result = neatfool("compare", runs / "small", "--json", "--csv", tmp_path / "c.csv")
    json.loads(result.stdout)
    assert result.stderr == f"What was measured is in {tmp_path / 'c.csv'}\n"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("absent",), 5, "absent: is not there"),
        ((), 2, "Missing argument"),
        (("small", "--at", "1,two"), 2, "'two' is not a valid integer"),
        (("small", "--at", "0"), 2, "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(options, code, said, runs, monkeypatch):
    monkeypatch.chdir(runs)
    result = neatfool("compare", *options, exit_code=code)
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_run_that_another_process_is_running_can_be_compared(runs, tmp_path):
    folder = shutil.copytree(runs / "small", tmp_path / "small")
    with closing(sqlite3.connect(folder / "small-1" / "run.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN IMMEDIATE")
        assert neatfool("compare", folder).exit_code == 0
