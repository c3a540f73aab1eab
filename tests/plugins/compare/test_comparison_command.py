"""``neatfool compare`` on real small runs: what it prints, writes and refuses."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest
from commands import neatfool, write_experiment

pytestmark = pytest.mark.usefixtures("own_sys_path")

FOUR = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Give a folder of two folders, each with four runs of small experiments."""
    experiment = write_experiment(tmp_path_factory.mktemp("small"))
    folder = tmp_path_factory.mktemp("compared")
    for name, batch, generations in (("small", 20, 8), ("tiny", 10, 12)):
        options = (
            *("--set", f"experiment.name={name}", "--set", f"scheme.batch={batch}"),
            *("--set", f"experiment.generations={generations}", "--no-report"),
        )
        for seed in FOUR:
            place = folder / name / f"{name}-{seed}"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "path", [*sys.path])
                result = neatfool("run", experiment, "--seed", seed, "--out", place, *options)
            assert result.exit_code == 0, result.output
    return folder


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
        (("small", "--csv", "no/where.csv"), 6, "cannot be written"),
        (("small", "--html", "no/where.html"), 6, "cannot be written"),
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
