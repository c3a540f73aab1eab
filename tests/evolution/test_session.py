import gc
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import searches
import torch
from searches import Silence, stop_after, toy_assembly

from neatfool import PluginError, RunError, Scores, StorageError, TargetError, open_run
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import interruptible, start
from neatfool.run.store import RunStore
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyEncoding, ToyTarget
from neatfool_plugins.map_elites import MapElites, Options
from tests.support.databases import contents


def run_whole(folder, **how):
    searches.run_whole(toy_assembly(**how), folder).close()
    return contents(folder / "run.db")


@pytest.fixture
def undisturbed(tmp_path):
    return run_whole(tmp_path / "undisturbed")


class Interrupting(ToyTarget):
    """Presses Ctrl-C in the midst of a generation."""

    calls = 0

    def score(self, images):
        self.calls += 1
        if self.calls == 4:
            raise KeyboardInterrupt
        return super().score(images)


def test_an_interrupt_in_the_midst_of_a_generation_loses_nothing(tmp_path, undisturbed):
    folder = tmp_path / "run"
    assembly = toy_assembly(target=Interrupting())
    outcome = start(assembly, folder).go(Silence())
    assert (outcome.reason, outcome.generation) == ("interrupted", 2)
    assert RunStore.open(folder / "run.db").last_generation() == 2
    resume(lambda _resolved, _plan: toy_assembly(), folder).go(Silence())
    assert contents(folder / "run.db") == undisturbed


class ShortSearch(MapElites):
    """Has nothing left to ask for after three generations."""

    def ask(self):
        return super().ask() if self.state()["asked"] < 60 else []


def short_assembly(generations=6, **how):
    target = ToyTarget()
    parts = {"encoding": ToyEncoding(), "spec": target.spec, "seed": 1}
    return toy_assembly(generations, scheme=ShortSearch(Options(batch=20), **parts), **how)


def test_it_is_recorded_that_a_search_ended_by_itself(tmp_path):
    outcome = start(short_assembly(), tmp_path / "short").go(Silence())
    assert (outcome.reason, outcome.generation) == ("finished", 2)
    assert open_run(tmp_path / "short").ended
    start(short_assembly(), tmp_path / "killed").go(Silence(), stop_after(3))
    assert not open_run(tmp_path / "killed").ended
    resume(lambda _resolved, _plan: short_assembly(), tmp_path / "killed").go(Silence())
    assert contents(tmp_path / "killed" / "run.db") == contents(tmp_path / "short" / "run.db")


def test_a_run_that_reached_its_length_did_not_end_by_itself(tmp_path):
    for name, length in (("3", {"generations": 3}), ("50", {"generations": None, "images": 50})):
        start(short_assembly(**length), tmp_path / name).go(Silence())
        assert not open_run(tmp_path / name).ended


def test_a_length_in_images_is_kept_to_the_image(tmp_path):
    run_whole(tmp_path / "run", generations=None, images=50)
    store = RunStore.open(tmp_path / "run" / "run.db")
    assert [report.evaluations for report in store.reports()] == [20, 40, 50]


def test_resuming_with_another_experiment_is_refused(tmp_path):
    run_whole(tmp_path / "run", generations=2)
    with pytest.raises(
        RunError, match=r"started with \(\[experiment\] seed = \d there and 9 here\)"
    ):
        resume(
            lambda _resolved, _plan: toy_assembly(seed=9),
            tmp_path / "run",
        )


def test_a_refused_resume_leaves_the_run_free(tmp_path):
    run_whole(tmp_path / "run", generations=2)
    with pytest.raises(RunError, match="weights or code changed"):
        resume(lambda _resolved, _plan: toy_assembly(fingerprint="other"), tmp_path / "run")
    resume(lambda _resolved, _plan: toy_assembly(), tmp_path / "run").go(Silence())


def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path, undisturbed, opened):
    folder = tmp_path / "run"
    session = start(toy_assembly(), folder)
    full = opened[-1]
    pages = full.execute("PRAGMA page_count").fetchone()[0]
    full.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageError, match="disk is full"):
        session.go(Silence())
    resume(lambda _resolved, _plan: toy_assembly(), folder).go(Silence())
    assert contents(folder / "run.db") == undisturbed


class Failing(ToyTarget):
    calls, closed = 0, False

    def close(self):
        self.closed = True

    def score(self, images):
        self.calls += 1
        scores = super().score(images)
        return Scores(scores.probs * np.nan) if self.calls == 3 else scores


def test_a_target_that_answers_nan_only_stops_the_run_and_keeps_it(tmp_path, undisturbed):
    folder, target = tmp_path / "run", Failing()
    with pytest.raises(TargetError, match="not one of 20 images"):
        start(toy_assembly(target=target), folder).go(Silence())
    assert target.closed
    resume(lambda _resolved, _plan: toy_assembly(), folder).go(Silence())
    assert contents(folder / "run.db") == undisturbed


def test_a_copied_read_only_run_can_be_read(tmp_path):
    run_whole(tmp_path / "run")
    copy = shutil.copytree(tmp_path / "run", tmp_path / "copy")
    copy.chmod(0o555)
    try:
        assert RunStore.open(copy / "run.db").last_generation() == 5
    finally:
        copy.chmod(0o755)


def test_overwriting_deletes_only_what_a_run_wrote(tmp_path):
    folder = tmp_path / "run"
    run_whole(folder)
    (folder / "notes.txt").write_text("mine")
    start(toy_assembly(), folder, overwrite=True).go(Silence())
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["experiment.ini", "images", "images-holiday"])
def test_files_that_only_look_like_a_runs_are_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="holds no run"):
        start(toy_assembly(), tmp_path, overwrite=True)
    assert (tmp_path / name / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("part", "method", "words"),
    [
        ("encoding", "render", r"encoding 'toy': render\(\) failed: ValueError: no"),
        ("encoding", "breed", r"encoding 'toy': ask\(\) failed: ValueError: no"),
        ("encoding", "dumps", "cannot be recorded: ValueError: no"),
        ("scheme", "tell", r"scheme 'map_elites': tell\(\) failed: ValueError: no"),
    ],
)
def test_a_plugin_that_raises_is_named_and_nothing_is_lost(
    tmp_path, undisturbed, part, method, words
):
    assembly = toy_assembly()
    calls = []
    working = getattr(getattr(assembly, part), method)

    def failing(*given):
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("no")
        return working(*given)

    setattr(getattr(assembly, part), method, failing)
    with pytest.raises(PluginError, match=words):
        start(assembly, tmp_path / "run").go(Silence())
    resume(lambda _resolved, _plan: toy_assembly(), tmp_path / "run").go(Silence())
    assert contents(tmp_path / "run" / "run.db") == undisturbed


@pytest.mark.parametrize(
    "wrong", [torch.zeros(20, 1, 4, 4), torch.zeros(20, 1, 5, 4, dtype=torch.uint8), "picture"]
)
def test_an_encoding_that_renders_something_else_is_named(tmp_path, wrong):
    assembly = toy_assembly()
    assembly.encoding.render = lambda genomes: wrong
    with pytest.raises(PluginError, match=r"encoding 'toy': render\(\) returned"):
        start(assembly, tmp_path / "run").go(Silence())


def test_a_run_killed_in_the_midst_of_a_transaction_can_be_read(tmp_path, undisturbed):
    folder = tmp_path / "run"
    run_whole(folder)
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN")
        database.execute("UPDATE candidate SET genome = zeroblob(5000)")
        killed = shutil.copytree(folder, tmp_path / "killed")
        database.execute("ROLLBACK")
    assert (killed / "run.db-journal").stat().st_size > 0
    assert (killed / "run.db").read_bytes() != (folder / "run.db").read_bytes()
    assert contents(killed / "run.db") == undisturbed


def test_an_empty_database_is_no_run(tmp_path):
    (tmp_path / "run.db").touch()
    for begin in (
        lambda: start(toy_assembly(), tmp_path),
        lambda: resume(lambda _resolved, _plan: toy_assembly(), tmp_path),
        lambda: open_run(tmp_path),
    ):
        with pytest.raises(RunError, match=r"run\.db: is empty.* --overwrite` starts the run anew"):
            begin()
    assert not (tmp_path / "run.db").stat().st_size
    start(toy_assembly(), tmp_path, overwrite=True).go(Silence())


def test_a_run_whose_folder_was_deleted_ends_and_says_so(tmp_path):
    folder = tmp_path / "run"
    session = start(toy_assembly(), folder)
    shutil.rmtree(folder)
    with pytest.raises(RunError, match="was deleted during the run"):
        session.go(Silence())
    assert not folder.exists()


def test_a_run_killed_before_its_experiment_was_kept_gets_it_when_it_is_resumed(tmp_path):
    folder = tmp_path / "run"
    run_whole(folder, generations=2)
    (folder / "experiment.ini").unlink()
    resume(lambda _resolved, _plan: toy_assembly(), folder).go(Silence())
    assert (folder / "experiment.ini").read_text() == "[experiment]\n"


def test_a_run_killed_before_its_database_was_whole_begins_anew(tmp_path, undisturbed):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "run.db.partial").write_bytes(b"half of it")
    assert run_whole(folder) == undisturbed


def test_python_looks_for_cycles_less_often_while_a_run_goes_on(tmp_path, usual_thresholds):
    before, during = usual_thresholds, []

    def stop():
        during.append(gc.get_threshold())
        return False

    start(toy_assembly(1), tmp_path / "run").go(Silence(), stop)
    assert during[0][0] > before[0]
    assert gc.get_threshold() == before


def test_images_are_counted_while_a_generation_is_under_way(tmp_path):
    seen = []

    class Watched(ToyTarget):
        def score(self, images):
            seen.append(session.scored)
            return super().score(images)

    target = Watched()
    scorer = Scorer(target, name="target 'toy'", plan=ScoringPlan(5))
    session = start(toy_assembly(2, target=target, scorer=scorer), tmp_path / "run")
    session.go(Silence())
    assert seen == [*range(0, 40, 5)]
    assert session.scored == 40


def test_the_second_interrupt_stops_at_once():
    said = []
    with interruptible(lambda: said.append(1)) as stop:
        import signal

        signal.raise_signal(signal.SIGINT)
        assert stop()
        assert said == [1]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
