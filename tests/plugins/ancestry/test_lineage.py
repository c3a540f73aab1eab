"""``neatfool ancestry`` on real small runs: what it tells, writes and refuses."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing

import jsonschema
import pytest
from commands import CLASSES, neatfool, write_experiment

from neatfool import analysis, open_run
from neatfool_plugins.ancestry.finding import Ancestry

pytestmark = pytest.mark.usefixtures("own_sys_path")
# As a spreadsheet saves it: with a mark before the first cell, and rows of empty cells.
KINDS = (
    "\ufeffdark,light,\nbright,light,\n,,\n[red]left[/],pattern,thing\nschool bus,pattern,thing\n"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend("")
        file = write_experiment(folder)
        for seed in ("3", "4"):
            out = folder / "runs" / f"small-{seed}"
            result = neatfool("run", file, "--out", out, "--seed", seed, "--no-report")
            assert result.exit_code == 0, result.output
    return folder / "runs"


@pytest.fixture
def table(tmp_path):
    (tmp_path / "kinds.csv").write_text(KINDS, encoding="utf-8")
    return tmp_path / "kinds.csv"


def ancestry(*args):
    result = neatfool("ancestry", *args, "--permutations", 19, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_flows_add_up_to_the_goal_switches_that_the_run_counted(runs, tmp_path):
    told = ancestry(runs, "--pairs", 0, "--csv", tmp_path / "flows.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "flows.csv").read_text())))
    for each in told["runs"]:
        with closing(open_run(each["path"])) as run:
            counted = sum(report.goal_switches for report in run.history)
        assert counted > 0
        assert each["goal_switches"] == pytest.approx(counted)
        assert sum(map(sum, each["flows"]["counts"])) == pytest.approx(counted)
        assert sum(map(sum, each["flows"]["expected"])) == pytest.approx(counted)
        own = [float(row["goal_switches"]) for row in rows if row["run"] == each["path"]]
        assert sum(own) == pytest.approx(counted)
        assert not any(row["from"] == row["to"] for row in rows)


def test_python_gets_what_the_command_prints(runs):
    one = min(runs.iterdir())
    with closing(open_run(one)) as run:
        found = analysis.ancestry(run, pairs=1, classes=["dark"], permutations=19)
        assert run.elites  # it is still open
    assert json.loads(found.json()) == ancestry(one, "--pairs", 1, "--classes", "dark")
    assert "<iframe" in found._repr_html_()
    assert found.plot().axes


def test_the_json_fits_its_schema_which_describes_each_field(runs, table):
    schema = Ancestry.model_json_schema(mode="serialization")
    jsonschema.validate(ancestry(runs, "--pairs", 1, "--kinds", table), schema)
    parts = [schema, *schema["$defs"].values()]
    assert all("description" in each for part in parts for each in part["properties"].values())


def test_without_known_relations_these_tests_are_left_out_and_it_says_so(runs):
    told = ancestry(runs, "--pairs", 0)
    assert [each["tests"] for each in told["runs"]] == [{}, {}]
    shown = neatfool("ancestry", runs, "--pairs", 0, "--permutations", 19).stdout
    assert "nothing is known of their relations" in shown
    assert {*told["between_runs"]["same_class"]} == {"layout", "texture", "colour"}
    assert sorted(told["between_runs"]["classes"]) == sorted(CLASSES)


def test_a_table_says_what_is_related(runs, table):
    told = ancestry(runs, "--pairs", 0, "--kinds", table)
    for each in told["runs"]:
        assert {*each["tests"]} == {"flows", "ancestors", "layout", "texture", "colour"}
        for test in each["tests"].values():
            assert 1 / 20 <= test["p"] <= 1
    assert {*told["between_runs"]["related_classes"]} == {"layout", "texture", "colour"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("dark,light\nno such,light\n", "the target has no class 'no such'"),
        ("dark,light\nbright,light\n", "names fewer than 3 classes"),
        ("dark,a,b\nbright,b,a\nschool bus,a\n", "a kind is of its own kind"),
    ],
)
def test_a_wrong_table_is_refused_in_words(runs, tmp_path, lines, said):
    (tmp_path / "wrong.csv").write_text(lines)
    result = neatfool("ancestry", runs, "--kinds", tmp_path / "wrong.csv")
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def test_the_tables_can_be_read_without_colour(runs, table):
    result = neatfool(
        "ancestry", runs, "--pairs", 1, "--kinds", table, "--permutations", 19, "--classes", "dark"
    )
    assert result.exit_code == 0, result.output
    for text in (
        "goal switches",
        "Goal switches lead to related classes",
        "Weights swept along the line of dark",
        "Between 2 runs, 4 classes",
        "50 % would be chance",
    ):
        assert text in result.stdout


def test_a_median_between_two_numbers_of_steps_is_not_rounded(runs):
    found = analysis.ancestry(min(runs.iterdir()), pairs=0)
    (lineage,) = (each.model_copy(update={"median_steps": 9.5}) for each in found.runs)
    story = found.model_copy(update={"runs": (lineage,)}).html()
    assert "9.5" in story


def test_lines_of_ancestors_are_swept_from_the_first_generation_on(runs):
    one = next(iter(sorted(runs.iterdir())))
    told = ancestry(one, "--pairs", 2, "--classes", "school bus")
    (sweeps,) = (each["sweeps"] for each in told["runs"])
    (line,) = sweeps["lines"]
    with closing(open_run(one)) as run:
        ancestors = [each.candidate_id for each in run.lineage("school bus")][::-1]
    swept = [each["genome"] for each in line["individuals"]]
    assert (swept[0], swept[-1]) == (ancestors[0], ancestors[-1])
    assert {*swept} <= {*ancestors}
    for each in line["individuals"]:
        assert 0 <= each["effective"] <= each["swept"]
        assert each["fracture"] is None or 0 <= each["fracture"] <= 1
    told = [(each["children"], each["measure"]) for each in sweeps["pairs"]]
    names = ("fracture", "entangled", "shared")
    assert told == [(kind, name) for kind in ("bred", "switched") for name in names]


@pytest.mark.parametrize("pairs", [0, 1])
def test_an_unknown_class_is_refused_before_anything_is_tested(runs, monkeypatch, pairs):
    monkeypatch.setattr("neatfool_plugins.ancestry.measure.image_features", None)
    result = neatfool("ancestry", runs, "--classes", "nope", "--pairs", pairs)
    assert result.exit_code == 2
    assert "there is no class 'nope'" in result.stderr


def test_the_page_has_it_all_and_needs_no_network(runs, table, tmp_path):
    page = tmp_path / "page.html"
    ancestry(runs, "--pairs", 1, "--kinds", table, "--html", page)
    text = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "&lt;" not in text.split("<h1")[1].split("</h1>")[0]
    for part in ("Goal switches", "More than chance?", "Weights swept", "Between 2 runs"):
        assert part in text
    assert "[red]left[/]" in text
