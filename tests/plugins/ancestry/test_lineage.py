"""``neatfool ancestry`` on real small runs: what it tells and writes."""

import csv
import io
import json
from contextlib import closing

import jsonschema
import pytest
from commands import CLASSES, neatfool

from neatfool import analysis, open_run
from neatfool_plugins.ancestry import measure
from neatfool_plugins.ancestry.broad_kinds import BroadKinds
from neatfool_plugins.ancestry.measure import Ancestry

pytestmark = pytest.mark.usefixtures("own_sys_path")


def test_flows_add_up_to_the_goal_switches_that_the_run_counted(two_runs, tmp_path):
    result = neatfool("ancestry", two_runs, "--json", "--csv", tmp_path / "flows.csv", exit_code=0)
    told = json.loads(result.stdout)
    jsonschema.validate(told, Ancestry.model_json_schema(mode="serialization"))
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
        assert each["related_classes"] == {}  # nothing is known of these classes
    assert {*told["between_runs"]["same_class"]} == {"layout", "texture", "colour"}
    assert sorted(told["between_runs"]["classes"]) == sorted(CLASSES)


def test_where_kinds_are_known_it_says_what_related_classes_have_in_common(two_runs, monkeypatch):
    monkeypatch.setattr(
        measure,
        "find_kinds",
        lambda classes: BroadKinds(("light", "form"), measure.np.arange(len(classes)) // 2),
    )
    one = min(two_runs.iterdir())
    found = analysis.ancestry(one)
    assert {*found.runs[0].related_classes} == {"layout", "texture", "colour"}
    assert (
        "Images of the same broad kind have a mean correlation" in neatfool("ancestry", one).stdout
    )
    assert {row[-1] for row in found.records().rows} <= {"light", "form"}


def test_the_page_has_it_all_and_needs_no_network(two_runs, tmp_path):
    page = tmp_path / "page.html"
    result = neatfool("ancestry", two_runs, "--html", page, exit_code=0)
    text = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    for part in ("Goal switches", "goal switches of small, seed 1", "[red]left[/]"):
        assert part in text
    for part in ("goal switches", "chance would give 50 %"):
        assert part in " ".join(result.stdout.split())


def test_python_gets_what_the_command_prints(two_runs):
    one = min(two_runs.iterdir())
    with closing(open_run(one)) as run:
        found = analysis.ancestry(run)
        assert run.elites  # it is still open
    assert json.loads(found.json()) == json.loads(neatfool("ancestry", one, "--json").stdout)
    assert found.between_runs is None
    assert found.plot().axes
