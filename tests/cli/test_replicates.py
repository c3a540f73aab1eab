"""``neatfool run --seeds``: what is begun, skipped, resumed, stopped and told."""

import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import neatfool, neatfool_process
from replicates_here import start_no_processes
from waiting import wait_until

from neatfool import RunError, open_run
from neatfool.cli import replicates as replicates_command
from neatfool.cli.replicates import Replicate, environment_for, show_end
from neatfool.files import lock_folder
from neatfool.present import Output
from tests.support.databases import contents


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
    assert lines[0] == f"2 runs of small in {folder}, 1 at a time"
    told = [line for line in lines if " finished after 8 generations and 160 images" in line]
    assert [line[:22] for line in told] == ["seed 3: small, seed 3:", "seed 4: small, seed 4:"]
    assert lines[-2:] == ["2 of 2 runs are finished", f"Compare them: neatfool compare {folder}"]


def test_finished_ones_are_left_as_they_are(experiment, folder):
    before = [(path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))]
    result = again(experiment, folder, "3-4", "--jobs", "2")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "seeds 3-4: already finished",
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
    assert result.stdout.startswith("seeds 1: already finished\n")


@pytest.mark.usefixtures("no_processes")
def test_a_greater_length_makes_longer_those_that_are_there(experiment, folder):
    shutil.rmtree(folder / "small-4")
    result = again(experiment, folder, "3", "--set", "experiment.generations=10")
    assert result.exit_code == 0
    assert result.stdout.startswith("seeds 3: resumed\n1 run of small in ")
    assert open_run(folder / "small-3").generation == 9
    # The database tells the length that the run began with; it is still finished.
    result = again(experiment, folder, "3", "--set", "experiment.generations=10")
    assert "seeds 3: already finished" in result.stdout


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
    assert "1 of 2 runs are finished\nseed 1: failed (exit code 5)" in result.stdout
    assert open_run(tmp_path / "small-2").generation == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seeds", "1-3", "--seed", "1"), "give --seed or --seeds, not both"),
        (("--jobs", "2"), "--jobs is for --seeds"),
        (("--seeds", "1-3", "--jobs", "0"), "Invalid value for '--jobs'"),
        (("--seeds", "3-1"), "3-1 runs backwards"),
        (("--seeds", "1-3", "--set", "scheme.bacth=1"), "did you mean 'batch'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_begins(options, said, experiment, tmp_path):
    result = neatfool("run", experiment, "--out", tmp_path / "small", *options, exit_code=2)
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
        with suppress(RunError), lock_folder(folder):
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
    assert "seeds 3-4: resumed" in result.stdout
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


def test_the_exit_code_is_that_of_the_first_that_failed_and_never_negative(capsys):
    planned = [Replicate(seed, Path(f"x-{seed}"), "new") for seed in (1, 2, 3)]

    def end(*codes):
        return show_end(Output(), planned, Path("x"), dict(zip(planned, codes, strict=True)))

    assert end(0, 5, 4) == 5
    assert end(0, -9, 0) == 1
    assert end(0, 5, 130) == 130
    assert end(0, 0, 0) == 0
    assert end(8, 0, 0) == 8
    assert "seed 1: its budget is spent" in capsys.readouterr().out
    assert end(8, 4, 0) == 4
