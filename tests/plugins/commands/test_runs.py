"""The command ``neatfool runs``."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from commands import neatfool
from made_up_runs import write_run

from neatfool import open_run
from neatfool.wording import percent


@pytest.fixture
def folder(tmp_path):
    made = write_run(tmp_path / "old-5", [[(0, 0.5)]] * 8, name="old", seed=5, length=12)
    shutil.copytree(made, tmp_path / "seeds" / "old-6")
    shutil.copytree(made, tmp_path / "broken")
    (tmp_path / "broken" / "run.db").write_bytes(b"no database")
    return tmp_path


def test_all_runs_are_listed_with_how_far_they_have_come(folder):
    result = neatfool("runs", folder, "--json", exit_code=0)
    broken, first, second = json.loads(result.stdout)
    assert (broken["state"], "error" in broken) == ("unreadable", True)
    assert first == second | {"path": str(folder / "old-5")}
    assert second["path"] == str(folder / "seeds" / "old-6")
    del first["path"], first["median"], first["minimum"]
    assert first == {
        "name": "old", "seed": 5, "generation": 7, "evaluations": 80, "state": "unfinished",
    }  # fmt: skip


def test_only_runs_are_listed(folder):
    (folder / "odd" / "run.db").mkdir(parents=True)
    shutil.copytree(folder / "old-5", folder / "project" / "tests" / "data")
    result = neatfool("runs", folder, "--json")
    assert [run["path"] for run in json.loads(result.stdout)] == [
        str(folder / name) for name in ("broken", "old-5", "seeds/old-6")
    ]


def test_a_run_that_cannot_be_read_does_not_hide_the_others_and_says_why(folder):
    lines = neatfool("runs", folder).stdout.splitlines()
    assert sum("unfinished" in line for line in lines) == 2
    assert sum("unreadable" in line for line in lines) == 1
    assert "run.db: the database is damaged" in lines[-1]


def test_a_folder_without_runs_is_told(tmp_path):
    result = neatfool("runs", tmp_path / "none")
    assert (result.exit_code, "is not there" in result.stderr) == (5, True)


def test_a_certainty_is_written_with_its_log_odds(tmp_path):
    folder = write_run(tmp_path / "run", [[(0, 1.0), (1, 1.0)]])
    with closing(sqlite3.connect(folder / "run.db")) as database, database:
        database.execute("UPDATE elite SET rank = 17.0 + class")
    listed = neatfool("runs", folder).stdout
    median, lowest = open_run(folder).ranks
    assert percent(1.0, median) in listed
    assert percent(1.0, lowest) in listed
    assert "100 %" not in listed


@pytest.mark.parametrize("command", ["show", "verify", "report", "resume"])
def test_a_folder_without_a_run_is_refused(command, tmp_path):
    result = neatfool(command, tmp_path / "absent", exit_code=5)
    assert "not a run folder" in result.stderr


@pytest.mark.parametrize("command", ["graph", "render"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("scool bus", "did you mean 'school bus'?"), ("4", "there are: "), ("-1", "there are: ")],
)
def test_a_class_that_does_not_exist_is_refused(command, name, said, finished, tmp_path):
    result = neatfool(command, "-o", tmp_path / "x.png", finished, "--", name, exit_code=2)
    assert f"there is no class {name!r}" in result.stderr
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["graph", "render", "report"])
def test_a_folder_that_is_not_there_cannot_be_written_to(command, finished, tmp_path):
    suffix = ".html" if command == "report" else ".png"
    name = () if command == "report" else ("school bus",)
    result = neatfool(
        command, finished, *name, "-o", tmp_path / "absent" / f"x{suffix}", exit_code=6
    )
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.output
