"""``neatfool bench``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from commands import neatfool

from neatfool.evolution.bench import STAGES

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Let temporary folders be made where they can be looked at."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_it_says_where_the_time_goes_and_what_limits(experiment):
    result = neatfool("bench", experiment, "--seconds", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("small: 140 images in 7 generations (")
    for stage in (*STAGES, "the rest"):
        assert f"│ {stage} " in result.stdout
    assert "images a second; the target alone scores " in result.stdout
    assert "The experiment ended after 160 images, so this was short" in result.stdout
    assert "│ scoring " in result.stdout.partition("was short")[2]  # the table comes last


def test_what_it_is_doing_is_said_on_standard_error(experiment):
    result = neatfool("bench", experiment, "--seconds", "1")
    assert result.stderr.splitlines() == [
        "loading the target",
        "measuring the target alone",
        "compiling",
        "measuring the target alone",
    ]


def test_json_is_all_that_is_printed(experiment):
    result = neatfool("bench", experiment, "--seconds", "1", "--json")
    data = json.loads(result.stdout)
    assert list(data) == [
        "experiment",
        "generations",
        "images",
        "exact",
        "seconds",
        "images_per_s",
        "target_alone_per_s",
        "ratio",
        "stages",
        "limit",
        "advice",
    ]
    assert data["ratio"] == pytest.approx(data["images_per_s"] / data["target_alone_per_s"])
    assert list(data["stages"]) == [*STAGES, "the rest"]
    assert all(stage["share"] >= 0 for stage in data["stages"].values())


def test_it_takes_overrides_and_leaves_nothing_behind(experiment, temporary, monkeypatch):
    monkeypatch.chdir(temporary)
    options = ("--seed", "5", "--set", "scheme.batch=7", "--set", "experiment.generations=3")
    result = neatfool("bench", experiment, *options, "--json")
    assert json.loads(result.stdout)["images"] == 14
    assert list(Path().iterdir()) == []


def test_a_wrong_experiment_is_refused(experiment):
    result = neatfool("bench", experiment, "--set", "scheme.bacth=7")
    assert result.exit_code == 2
    assert "batch" in result.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_that_is_none_is_refused(experiment, seconds):
    assert neatfool("bench", experiment, "--seconds", seconds).exit_code == 2


@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_time_that_is_no_time_is_refused(experiment, seconds):
    result = neatfool("bench", experiment, "--seconds", seconds)
    assert result.exit_code == 2
    assert f"{seconds} is not a finite number" in result.stderr
