"""``neatfool run`` and ``neatfool resume``: what they print, leave behind and exit with."""

import os
import re
import signal
import sys
from contextlib import closing

import pytest
from commands import CLASSES, neatfool, neatfool_process
from waiting import wait_until

from neatfool import open_run
from neatfool.files import lock_folder
from neatfool.run.store import RunStore
from neatfool_plugins.map_elites import MapElites
from tests.support.databases import contents


def files(folder):
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


# run


def test_a_run_leaves_its_experiment_database_images_and_report(finished, experiment):
    assert files(finished) == {"experiment.ini", "run.db", "images", "report.html"}
    assert (finished / "experiment.ini").read_bytes() == experiment.read_bytes()
    assert files(finished / "images") == {
        "0-dark.png",
        "1-bright.png",
        "2-red-left.png",
        "3-school-bus.png",
    }
    assert (finished / "report.html").read_text().count("school bus") > 0


def test_a_length_may_be_given(experiment, tmp_path):
    for option, wanted in (("--images", (3, 60)), ("--generations", (2, 40))):
        folder = tmp_path / option
        number = dict(zip(("--generations", "--images"), wanted, strict=True))[option]
        neatfool("run", experiment, "--out", folder, option, number, "--no-report", exit_code=0)
        run = open_run(folder)
        assert (run.generation + 1, run.evaluations) == wanted
    both = neatfool("run", experiment, "--images", 5, "--generations", 1)
    assert "give --generations or --images, not both" in both.stderr


def test_a_saved_image_is_the_one_that_was_scored(finished):
    assert [elite.file.read_bytes() for elite in open_run(finished)] == [
        elite.png for elite in open_run(finished)
    ]


def test_without_a_terminal_a_run_prints_plain_lines(experiment, tmp_path):
    folder = tmp_path / "run"
    result = neatfool("run", experiment, "--out", folder, exit_code=0)
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    summary, images, report = result.stdout.splitlines()[-3:]
    assert summary.startswith("small, seed 3: finished after 8 generations and 160 images (")
    assert (
        0
        < int(re.search(r"\((?:[1-9]\d* s; )?scoring took (\d+) % of the time\)", summary)[1])
        <= 100
    )
    assert f" of {len(CLASSES)} classes >= 99 %, " in summary
    assert images == f"Images are in {folder / 'images'}"
    assert report == f"Look at {folder / 'report.html'}"


def test_the_folder_is_named_after_experiment_and_seed(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    neatfool("run", experiment, "--seed", "11", "--no-report", exit_code=0)
    run = open_run(tmp_path / "runs" / "small-11")
    assert (run.seed, run.experiment["experiment"]["seed"]) == (11, 11)
    assert (run.path / "images").is_dir()


def test_a_run_without_an_image_is_no_success(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(MapElites, "ask", lambda _: iter(()))
    result = neatfool("run", experiment, "--out", tmp_path / "run", "--no-report", exit_code=5)
    assert "Nothing is recorded yet." in result.stdout
    assert "the run ended without an image; the scheme bred nothing" in result.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("scheme.bacth=7", "did you mean 'batch'"),
        ("scheme.batch=0", "[scheme] batch"),
        ("scheme", "SECTION.KEY=VALUE"),
    ],
)
def test_a_wrong_override_is_refused_before_anything_is_written(option, said, experiment, tmp_path):
    result = neatfool("run", experiment, "--out", tmp_path / "run", "--set", option, exit_code=2)
    assert said.lower() in result.stderr.lower()
    assert "Traceback" not in result.output
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_refused_with_advice_and_kept(experiment, copy):
    before = contents(copy / "run.db")
    result = neatfool("run", experiment, "--out", copy, exit_code=5)
    assert result.stdout == ""
    for advice in (f"neatfool resume {copy}", "--overwrite", "--out"):
        assert advice in result.stderr
    assert contents(copy / "run.db") == before


def test_an_existing_run_is_overwritten_where_that_is_asked_for(experiment, copy):
    neatfool(
        "run", experiment, "--out", copy, "--overwrite", "--seed", "4", "--no-report", exit_code=0
    )
    assert open_run(copy).seed == 4
    assert files(copy) == {"experiment.ini", "run.db", "images"}
    assert neatfool("verify", copy).exit_code == 0


@pytest.mark.parametrize("option", [(), ("--overwrite",)])
def test_a_folder_of_something_else_is_refused_and_kept(option, experiment, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    result = neatfool("run", experiment, "--out", tmp_path, *option, exit_code=5)
    assert "'thesis.tex'" in result.stderr
    assert files(tmp_path) == {"thesis.tex"}


# resume


def test_a_run_at_its_length_says_so_and_changes_nothing(copy):
    before = contents(copy / "run.db")
    result = neatfool("resume", copy, exit_code=0)
    first, summary, *_ = result.stdout.splitlines()
    assert first.startswith(f"{copy} has reached its length: 8 generations. --generations N")
    assert "finished after 8 generations and 160 images" in summary
    assert "scoring" not in summary, "there was none"
    assert contents(copy / "run.db") == before


def test_a_run_made_longer_equals_one_that_was_that_long(experiment, copy, tmp_path):
    result = neatfool("resume", copy, "--generations", "12", "--no-report", exit_code=0)
    assert "finished after 12 generations and 240 images" in result.stdout
    whole = ("--out", tmp_path / "whole", "--set", "experiment.generations=12", "--no-report")
    assert neatfool("run", experiment, *whole).exit_code == 0
    longer, at_once = contents(copy / "run.db"), contents(tmp_path / "whole" / "run.db")
    for table in longer.keys() - {"info"}:
        assert longer[table] == at_once[table], table


@pytest.fixture
def stopped(copy):
    """Give a run of 10 generations that was stopped after 8."""
    with closing(RunStore.open(copy / "run.db", write=True)) as store:
        resolved = store.info()["experiment"]
        resolved["experiment"]["generations"] = 10
        store.keep("experiment", resolved)
    return copy


@pytest.mark.parametrize("option", ["--generations 5", "--generations 8", "--images 160"])
def test_an_unfinished_run_takes_no_length_that_it_has_passed(option, stopped):
    before = contents(stopped / "run.db")
    result = neatfool("resume", stopped, *option.split(), exit_code=5)
    for words in (
        f"{stopped}: has 8 generations and 160 images already, so ",
        "Its length is 10 generations; ",
    ):
        assert words in result.stderr
    assert contents(stopped / "run.db") == before


def test_a_run_that_went_on_since_it_was_opened_is_verified_as_it_is_now(copy):
    run = open_run(copy)
    before = [elite.candidate_id for elite in run]
    assert neatfool("resume", copy, "--generations", "30", "--no-report").exit_code == 0
    assert run.verify().wrong == []
    assert [elite.candidate_id for elite in run] != before


def test_a_new_length_is_kept(copy):
    assert neatfool("resume", copy, "--images", "190", "--no-report").exit_code == 0
    assert open_run(copy).finished
    result = neatfool("resume", copy, "--no-report")
    assert f"{copy} has reached its length: 190 images. --images N with N > 190" in result.stdout
    result = neatfool("resume", copy, "--images", 100)
    assert "Its length is 190 images; give a greater one" in result.stderr


def test_resuming_writes_a_missing_image_again(copy):
    image = copy / "images" / "1-bright.png"
    before = image.read_bytes()
    image.unlink()
    assert neatfool("resume", copy, "--no-report").exit_code == 0
    assert image.read_bytes() == before


def test_a_run_whose_experiment_was_edited_is_not_resumed(copy):
    before = contents(copy / "run.db")
    with (copy / "experiment.ini").open("a") as file:
        file.write("#\n")
    result = neatfool("resume", copy, "--generations", "12", exit_code=5)
    assert "changed since the run started" in result.stderr
    assert contents(copy / "run.db") == before


def test_a_run_in_use_is_left_alone_but_can_be_shown(experiment, copy):
    before = contents(copy / "run.db")
    with lock_folder(copy):
        for command in (("resume",), ("run", experiment, "--overwrite", "--out")):
            result = neatfool(*command, copy, exit_code=5)
            assert "another process is running it" in result.stderr
        assert neatfool("show", copy).exit_code == 0
    assert contents(copy / "run.db") == before


# signals


@pytest.fixture
def held(experiment, tmp_path):
    """Give a process that runs the experiment and waits in its third generation."""
    hold, told = experiment.parent / "hold", experiment.parent / "held"
    hold.touch()
    process = neatfool_process("run", experiment, "--out", tmp_path / "run", "--no-report")
    try:
        wait_until(told.exists, "it did not get to the third generation", process=process)
        yield process
    finally:
        hold.unlink(missing_ok=True)
        told.unlink(missing_ok=True)
        process.kill()
        process.communicate()


def wait_for(process, words):
    """Read lines of a process's output up to one with these words."""
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"it ended without saying {words!r}: {process.stderr.read()}")


def end_of(process):
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def resumed_like(finished, folder):
    """Whether a run, resumed, ends like the one that nobody disturbed."""
    neatfool("resume", folder, "--no-report", exit_code=0)
    assert neatfool("verify", folder).exit_code == 0
    return contents(folder / "run.db") == contents(finished / "run.db")


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(
            getattr(signal, "SIGHUP", None),
            marks=pytest.mark.skipif(
                os.name == "nt" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN,
                reason="there is none, or it is ignored, as under nohup",
            ),
        ),
    ],
)
def test_a_signal_ends_a_run_after_its_generation(number, held, experiment, finished, tmp_path):
    held.send_signal(number)
    wait_for(held, "Stopping after this generation")
    assert held.poll() is None
    (experiment.parent / "hold").unlink()
    code, output, errors = end_of(held)
    assert (code, errors) == (130, "")
    assert "small, seed 3: interrupted after 3 generations and 60 images" in output
    assert output.endswith(f"\nGo on with: neatfool resume {tmp_path / 'run'}\n")
    assert open_run(tmp_path / "run").generation == 2
    assert resumed_like(finished, tmp_path / "run")


@pytest.mark.skipif(os.name == "nt", reason="no terminals of this kind")
@pytest.mark.parametrize("is_told", [True, False])
def test_a_closed_terminal_ends_a_run_with_its_images(experiment, tmp_path, is_told):
    """It ends by the signal, or where it can no longer write, whichever comes first."""
    import pty

    hold, told = experiment.parent / "hold", experiment.parent / "held"
    hold.touch()
    process, terminal = pty.fork()
    if process == 0:
        if not is_told:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        words = [sys.executable, "-m", "neatfool", "run", experiment, "--out", tmp_path / "run"]
        os.execv(sys.executable, [*map(str, words)])
    try:
        wait_until(told.exists, "it did not get to the third generation")
        os.close(terminal)
        os.kill(process, signal.SIGHUP)  # shells pass it on, too
    finally:
        hold.unlink()
        told.unlink(missing_ok=True)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert len(files(tmp_path / "run" / "images")) == len(CLASSES)


def test_a_second_ctrl_c_ends_a_run_at_once_without_loss(held, experiment, finished, tmp_path):
    held.send_signal(signal.SIGINT)
    wait_for(held, "Ctrl-C again stops at once")
    held.send_signal(signal.SIGINT)
    code, output, errors = end_of(held)
    assert (experiment.parent / "hold").exists()
    assert (code, errors) == (130, "")
    assert "interrupted after 2 generations and 40 images" in output
    assert f"neatfool resume {tmp_path / 'run'}" in output
    assert files(tmp_path / "run" / "images") == files(finished / "images")
    (experiment.parent / "hold").unlink()
    assert resumed_like(finished, tmp_path / "run")


def test_an_interrupt_while_images_are_written_says_how_to_go_on(experiment, tmp_path, monkeypatch):
    def interrupted(self, store):
        raise KeyboardInterrupt

    monkeypatch.setattr("neatfool.run.images.ImageFolder.update", interrupted)
    result = neatfool("run", experiment, "--out", tmp_path / "run", exit_code=130)
    assert f"Go on with: neatfool resume {tmp_path / 'run'}" in result.output.replace("\n", "")
    monkeypatch.undo()
    assert neatfool("resume", tmp_path / "run", "--no-report").exit_code == 0
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 4


def test_a_run_goes_on_when_nobody_reads_what_it_says(experiment, tmp_path):
    process = neatfool_process("run", experiment, "--out", tmp_path / "run", "--no-report")
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert open_run(tmp_path / "run").generation == 7


def test_a_description_heads_the_report_and_is_not_of_the_runs_identity(
    experiment, finished, tmp_path
):
    described = ("--set", "experiment.description=darker than <before>")
    short = ("--set", "experiment.generations=1")
    neatfool("run", experiment, "--out", tmp_path / "run", *described, *short, exit_code=0)
    run = open_run(tmp_path / "run")
    assert run.about == "darker than <before>"
    assert "darker than &lt;before&gt;" in (run.path / "report.html").read_text(encoding="utf-8")
    assert run.info["identity"] == open_run(finished).info["identity"]
