"""Event files have what the run recorded, once, in order, also after it was killed."""

import shutil
import sys
import time
from pathlib import Path

import pytest
from commands import neatfool
from killing import context, run_to_the_end
from searches import follow

pytest.importorskip("tensorboard", reason="pip install 'neatfool[tensorboard]'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer
from torch.utils.tensorboard import SummaryWriter

from neatfool import ExperimentError, GenerationReport
from neatfool.run.run import Run
from neatfool_plugins.trackers import tracking
from neatfool_plugins.trackers.tensorboard import TensorBoardTracker
from tests.support.databases import contents


@pytest.fixture(autouse=True)
def _files_in_order(monkeypatch):
    """Number files from 100: of those of one second, TensorBoard reads file 10 before file 9."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(100))


def read(folder):
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    return events.Reload()


def steps(folder, tag="confidence/median"):
    return [event.step for event in read(folder).Scalars(tag)]


def test_each_generation_is_a_point_over_the_images_scored(tmp_path):
    run = follow(tmp_path / "toy", 6, TensorBoardTracker())
    events = read(tmp_path / "toy")
    assert steps(tmp_path / "toy") == [report.evaluations for report in run.history]
    for tag, name in [("median", "median"), ("mean", "mean"), ("minimum", "minimum")]:
        values = [event.value for event in events.Scalars(f"confidence/{tag}")]
        assert values == pytest.approx([getattr(report, name) for report in run.history])
    at = {f"classes/at {100 * least:g} % or more" for least in GenerationReport.thresholds}
    stages = {"breeding", "rendering", "scoring", "selection", "recording"}
    assert at | {f"time/{stage}" for stage in stages} <= {*events.Tags()["scalars"]}
    assert {"networks/nodes", "niches/replacements"} <= {*events.Tags()["scalars"]}


def test_the_elites_are_shown_at_the_end_and_the_experiment_as_text(tmp_path):
    run = follow(tmp_path / "toy", 3, TensorBoardTracker())
    events = read(tmp_path / "toy")
    (sheet,) = events.Images("elites")
    assert sheet.step == run.evaluations
    assert sheet.encoded_image_string.startswith(b"\x89PNG")
    (text,) = events.Tensors("experiment/text_summary")
    assert b"**[encoding]**" in text.tensor_proto.string_val[0]


def test_what_lies_ahead_of_the_database_is_hidden_after_a_resume(tmp_path):
    run = follow(tmp_path / "toy", 3, TensorBoardTracker())
    with SummaryWriter(str(tmp_path / "toy" / "tensorboard")) as ahead:
        ahead.add_scalar("confidence/median", 1, run.evaluations + 10_000)
    run = follow(tmp_path / "toy", 5, TensorBoardTracker())
    assert steps(tmp_path / "toy") == [report.evaluations for report in run.history]


def test_a_generation_is_whole_or_absent_if_the_end_of_a_file_is_missing(tmp_path):
    follow(tmp_path / "toy", 4, TensorBoardTracker())
    (file,) = (tmp_path / "toy" / "tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    assert len(steps(tmp_path / "toy")) < 4
    run = follow(tmp_path / "toy", 5, TensorBoardTracker())
    for tag in ("confidence/median", "time/recording"):
        assert steps(tmp_path / "toy", tag) == [report.evaluations for report in run.history]


def test_a_run_that_is_started_anew_does_not_show_the_one_before(tmp_path):
    follow(tmp_path / "toy", 6, TensorBoardTracker())
    follow(tmp_path / "toy", 2, TensorBoardTracker(), anew=True)
    assert len(steps(tmp_path / "toy")) == 2


def run_watched(folder):
    """Run in a process of its own, slowly, telling each generation."""
    tracking.SECONDS_BETWEEN = tracking.RESTING_TO_TELLING = 0  # type: ignore[misc]

    class Slow(TensorBoardTracker):
        def tell(self, new):
            super().tell(new)
            time.sleep(0.02)

    follow(Path(folder), 60, Slow())


@pytest.mark.slow
def test_a_killed_run_shows_no_step_twice_and_none_is_missing(tmp_path):
    for seconds in (1.0, 1.3, 1.1):
        process = context.Process(target=run_watched, args=(str(tmp_path / "toy"),))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
    run_to_the_end(run_watched, tmp_path / "toy")
    assert steps(tmp_path / "toy") == [
        report.evaluations for report in Run(tmp_path / "toy").history
    ]
    shown = [event.step for event in read(tmp_path / "toy").Images("elites")]
    assert shown == sorted({*shown})


def test_one_that_cannot_write_does_not_change_the_run(tmp_path, caplog):
    follow(tmp_path / "alone", 4)

    class Full(TensorBoardTracker):
        def tell(self, new):
            raise OSError(28, "No space left on device")

    follow(tmp_path / "followed", 4, Full())
    assert "No space left on device" in caplog.text
    assert contents(tmp_path / "alone" / "run.db") == contents(tmp_path / "followed" / "run.db")


def test_one_that_cannot_begin_says_so_once(tmp_path, caplog):
    follow(tmp_path / "toy", 2, TensorBoardTracker())
    shutil.rmtree(tmp_path / "toy" / "tensorboard")
    (tmp_path / "toy" / "tensorboard").write_text("in the way")
    run = follow(tmp_path / "toy", 4, TensorBoardTracker())
    assert run.generation == 3
    assert len(caplog.records) == 1


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ExperimentError, match=r"pip install 'neatfool\[tensorboard\]'"):
        TensorBoardTracker()


def test_the_program_finds_it_and_it_keeps_its_contract():
    assert neatfool("plugins", "check", "tensorboard").exit_code == 0


def test_an_objective_has_curves_of_its_scores(tmp_path):
    from objectives import run_objective

    folder = run_objective(tmp_path, "stripes", "--set", "plugins.observers=tensorboard")
    tags = {*read(folder).Tags()["scalars"]}
    assert {"score/median", "niches/filled"} <= tags
    assert not [tag for tag in tags if "confidence" in tag or "%" in tag]
