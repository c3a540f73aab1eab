"""``neatfool run --seeds``: what is begun, skipped, resumed, stopped and told."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import neatfool, neatfool_process
from replicates_here import start_no_processes
from rich.console import Console
from waiting import wait_until

from neatfool import RunError, open_run
from neatfool.cli import replicates as replicates_command
from neatfool.cli.replicates import ReplicateDisplay, environment_for, explain
from neatfool.replicates import Replicate
from neatfool.run.folder import lock
from tests.support.databases import contents

pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(scope="module")
def replicates(experiment, tmp_path_factory):
    """Give a folder of two finished replicates, to look at only, and what was said."""
    folder = tmp_path_factory.mktemp("replicates") / "small"
    # What lies where a command is given is not imported.
    folder.with_name("click.py").write_text("raise SystemExit('it ran')")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        result = neatfool("run", experiment, "--seeds", "3,4", "--out", folder, "--no-report")
    assert result.exit_code == 0, result.output
    return folder, result


@pytest.fixture
def folder(replicates, tmp_path):
    """Give a copy of the two replicates."""
    return shutil.copytree(replicates[0], tmp_path / "small")


@pytest.fixture
def no_processes(monkeypatch):
    start_no_processes(monkeypatch)


def again(experiment, folder, seeds, *options):
    return neatfool("run", experiment, "--seeds", seeds, "--out", folder, "--no-report", *options)


def test_each_seed_has_a_run_like_any_other(replicates, finished):
    folder, _ = replicates
    assert sorted(path.name for path in folder.iterdir()) == ["small-3", "small-4"]
    assert contents(folder / "small-3" / "run.db") == contents(finished / "run.db")
    other = open_run(folder / "small-4")
    assert (other.seed, other.generation) == (4, 7)
    assert len(list((folder / "small-4" / "images").glob("*.png"))) == 4
    assert not (folder / "small-4" / "report.html").exists()


def test_what_each_says_is_told_with_its_seed(replicates):
    folder, result = replicates
    lines = result.stdout.splitlines()
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert lines[0] == f"2 runs of small in {folder}, one after another"
    told = [line for line in lines if " finished after 8 generations and 160 images" in line]
    assert [line[:22] for line in told] == ["seed 3: small, seed 3:", "seed 4: small, seed 4:"]
    assert lines[-2:] == ["2 of 2 runs are finished", f"Compare them: neatfool compare {folder}"]


def test_finished_ones_are_left_as_they_are(experiment, folder):
    before = [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))]
    result = again(experiment, folder, "3-4", "--jobs", "auto")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "seeds 3-4: already finished, left as they are",
        "2 of 2 runs are finished",
    ]
    assert [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))] == before


@pytest.mark.usefixtures("no_processes")
def test_a_search_that_ended_by_itself_is_finished(experiment, tmp_path):
    scheme = "plugin = single_class\nclasses = dark, bright\npopulation = 9\n"
    short = experiment.read_text(encoding="utf-8").partition("plugin = map_elites")[0] + scheme
    shutil.copy(experiment.with_name("patches.py"), tmp_path)
    (tmp_path / "short.ini").write_text(short + "generations_per_class = 2\n", encoding="utf-8")
    folder = tmp_path / "small"
    assert again(tmp_path / "short.ini", folder, "1").exit_code == 0
    assert open_run(folder / "small-1").generation < 4
    result = again(tmp_path / "short.ini", folder, "1")
    assert result.stdout.startswith("seed 1: already finished, left as they are\n")


@pytest.mark.usefixtures("no_processes")
def test_a_greater_length_makes_longer_those_that_are_there(experiment, folder):
    shutil.rmtree(folder / "small-4")
    result = again(experiment, folder, "3", "--set", "experiment.generations=10")
    assert result.exit_code == 0
    assert result.stdout.startswith("seed 3: not finished, resumed\n1 run of small in ")
    assert open_run(folder / "small-3").generation == 9
    # The database tells the length that the run began with; it is still finished.
    result = again(experiment, folder, "3", "--set", "experiment.generations=10")
    assert "seed 3: already finished" in result.stdout


def test_runs_of_another_experiment_are_refused_before_anything_begins(experiment, folder):
    result = again(experiment, folder, "1-4", "--set", "scheme.batch=30")
    assert result.exit_code == 5
    assert f"{folder / 'small-3'}: holds a run of another experiment" in result.stderr
    assert "([scheme] batch = 20 there and 30 here). --out DIR" in result.stderr
    assert not (folder / "small-1").exists()


@pytest.mark.usefixtures("no_processes")
def test_they_begin_anew_where_that_is_asked_for(experiment, folder):
    shutil.rmtree(folder / "small-4")
    options = ("--set", "scheme.batch=7", "--set", "experiment.generations=2", "--overwrite")
    assert again(experiment, folder, "3", *options).exit_code == 0
    assert open_run(folder / "small-3").evaluations == 14


@pytest.mark.usefixtures("no_processes")
def test_one_that_fails_does_not_disturb_the_others(experiment, tmp_path):
    (tmp_path / "small-1").mkdir()
    (tmp_path / "small-1" / "thesis.tex").write_text("years of work")
    result = again(experiment, tmp_path, "1-2", "--set", "experiment.generations=2")
    assert result.exit_code == 5
    assert "seed 1: error: " in result.stdout
    assert "'thesis.tex'" in result.stdout
    assert "1 of 2 runs are finished\nseed 1 failed (exit code 5)" in result.stdout
    assert open_run(tmp_path / "small-2").generation == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seeds", "1-3", "--seed", "1"), "give --seed or --seeds, not both"),
        (("--jobs", "2"), "--jobs is for --seeds"),
        (("--seeds", "1-3", "--jobs", "0"), "'0' is neither a number of at least 1"),
        (("--seeds", "1-3", "--jobs", "many"), "'many' is neither a number of at least 1"),
        (("--seeds", "3-1"), "3-1 runs backwards"),
        (("--seeds", "1-3", "--set", "scheme.bacth=1"), "did you mean 'batch'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_begins(options, said, experiment, tmp_path):
    result = neatfool("run", experiment, "--out", tmp_path / "small", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "small").exists()


def test_side_by_side_each_has_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(replicates_command, "usable_cores", lambda: 9)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert environment_for(2, debug=False)["OMP_NUM_THREADS"] == "4"
    assert "OMP_NUM_THREADS" not in environment_for(1, debug=False)
    assert "FORCE_COLOR" not in environment_for(1, debug=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment_for(2, debug=True)["OMP_NUM_THREADS"] == "3"
    assert environment_for(2, debug=True)["NEATFOOL_DEBUG"] == "1"


def test_how_a_process_ended_is_told_in_words():
    assert explain(130) == explain(-signal.SIGINT) == "interrupted"
    assert explain(4) == "exit code 4"
    assert explain(-signal.SIGKILL) == "killed by SIGKILL"


# stopped and killed


@pytest.fixture
def held(experiment, tmp_path):
    """Give a process with two replicates of three under way, both in their third generation."""
    hold = experiment.parent / "hold"
    hold.touch()
    process = neatfool_process(
        *("run", experiment, "--seeds", "3-5", "--jobs", "2"),
        *("--out", tmp_path / "small", "--no-report"),
    )
    try:
        folders = [tmp_path / "small" / f"small-{seed}" for seed in (3, 4)]
        wait_until(
            lambda: [generation_of(folder) for folder in folders] == [1, 1],
            "they did not get to the third generation",
            process=process,
        )
        yield process
    finally:
        hold.unlink(missing_ok=True)
        (experiment.parent / "held").unlink(missing_ok=True)
        process.kill()
        process.communicate()


def generation_of(folder):
    if not (folder / "run.db").exists():
        return None
    run = open_run(folder)
    try:
        return run.generation
    finally:
        run.close()


def wait_until_free(folder):
    def is_free():
        with suppress(RunError):
            lock(folder)()
            return True

    wait_until(is_free, f"{folder} is still in use")


@pytest.mark.slow
def test_ctrl_c_stops_all_and_the_same_command_goes_on(held, experiment, finished, tmp_path):
    time.sleep(0.3)
    held.send_signal(signal.SIGINT)
    for line in held.stdout:
        if "Stopping all after their generation" in line:
            break
    assert held.poll() is None
    (experiment.parent / "hold").unlink()
    output, errors = held.communicate(timeout=60)
    assert (held.returncode, errors) == (130, "")
    assert output.endswith("0 of 3 runs are finished\nGo on with the same command.\n")
    folder = tmp_path / "small"
    assert [generation_of(folder / f"small-{seed}") for seed in (3, 4, 5)] == [2, 2, None]
    result = again(experiment, folder, "3-5", "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert "seeds 3-4: not finished, resumed" in result.stdout
    assert "3 of 3 runs are finished" in result.stdout
    assert contents(folder / "small-3" / "run.db") == contents(finished / "run.db")


@pytest.mark.slow
def test_a_command_that_was_killed_loses_nothing(held, experiment, finished, tmp_path):
    held.kill()
    held.wait()
    folder = tmp_path / "small"
    result = again(experiment, folder, "3-4")
    assert result.exit_code == 5
    assert result.stdout.count("another process is running it; wait for it or stop it") == 2
    (experiment.parent / "hold").unlink()
    for seed in (3, 4):
        wait_until_free(folder / f"small-{seed}")
    result = again(experiment, folder, "3-4")
    assert result.exit_code == 0
    assert "2 of 2 runs are finished" in result.stdout
    assert contents(folder / "small-3" / "run.db") == contents(finished / "run.db")


# on a terminal


def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=70, highlight=False)


def crew_of(console, *seeds, state="new"):
    planned = [Replicate(seed, Path("small") / f"small-{seed}", state) for seed in seeds]
    return planned, ReplicateDisplay("small", planned, console)


def saying(*lines, code=0):
    program = f"import sys, time\nfor line in {lines!r}: print(line, flush=True); time.sleep(0.3)\n"
    return [sys.executable, "-c", f"{program}sys.exit({code})"]


def shown(console):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_a_terminal_shows_what_each_does_now_and_who_comes_later():
    console = terminal()
    planned, crew = crew_of(console, 1, 2, 3, 4)
    commands = {
        planned[0]: saying("generation 1/8", "small, seed 1: finished", "Images are in [x]"),
        planned[1]: saying("generation 2/8", "small, seed 2: finished"),
    }
    assert crew.run(commands, 2, dict(os.environ)) == {planned[0]: 0, planned[1]: 0}
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", shown(console))]
    assert "seed 1  generation 1/8" in lines
    assert "seed 2  generation 2/8" in lines
    assert "seed 1  Images are in [x]" in lines
    assert "        then seeds 3-4" in lines
    # What stays when all is over.
    assert "seed 1: small, seed 1: finished" in lines
    assert not [line for line in lines if line.startswith("seed 1: Images")]


def test_a_terminal_keeps_what_went_wrong():
    console = terminal()
    planned, crew = crew_of(console, 1)
    command = saying("generation 1/8", "error: the target failed; wake it", code=4)
    codes = crew.run({planned[0]: command}, 1, dict(os.environ))
    assert crew.show_end(Path("small"), codes) == 4
    text = shown(console)
    assert "seed 1: error: the target failed; wake it" in text
    assert "0 of 1 runs are finished\nseed 1 failed (exit code 4)" in text.replace("\r", "")


def test_the_exit_code_is_that_of_the_first_that_failed_and_never_negative():
    planned, crew = crew_of(Console(file=io.StringIO()), 1, 2, 3)
    assert crew.show_end(Path("x"), dict(zip(planned, (0, 5, 4), strict=True))) == 5
    assert crew.show_end(Path("x"), dict(zip(planned, (0, -9, 0), strict=True))) == 1
    assert crew.show_end(Path("x"), dict(zip(planned, (0, 5, 130), strict=True))) == 130
    assert crew.show_end(Path("x"), dict(zip(planned, (0, 0, 0), strict=True))) == 0


def test_one_whose_budget_is_spent_has_not_failed():
    console = terminal()
    planned, crew = crew_of(console, 1)
    assert crew.show_end(Path("x"), {planned[0]: 8}) == 8
    assert "seed 1 ended early (its budget is spent)" in shown(console)
    planned, crew = crew_of(console, 1, 2)
    assert crew.show_end(Path("x"), dict(zip(planned, (8, 4), strict=True))) == 4
