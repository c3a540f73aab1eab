"""Screening on a real network: what it lets through, and what it must not change."""

from contextlib import closing
from dataclasses import replace

import pytest
import torch
from ini_text import ini
from networks import seconds_by
from searches import Silence, go_on, run_whole, stop_after

from neatfool import RunError
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.evolution.verification import verify
from neatfool.experiment.experiment import load_experiment
from neatfool.scoring.batches import LocalBatches
from neatfool.scoring.plan import ScoringPlan, SpeedTrial
from neatfool.scoring.scorer import Scorer
from tests.support.databases import contents

EXPERIMENT = ini(
    experiment={"generations": 40},
    target={"plugin": "mnist"},
    encoding={"plugin": "cppn", "inputs": "normalised"},
    scheme={"plugin": "map_elites", "batch": 60},
)


def assembled(folder, **target):
    file = folder / "screened.ini"
    file.write_text(EXPERIMENT)
    return assemble(
        load_experiment(file, overrides=[f"target.{key}={value}" for key, value in target.items()])
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("screened")


@pytest.fixture(scope="module", autouse=True)
def a_third_as_long():
    """Let half precision take a third of the time, on any machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpeedTrial, "seconds", seconds_by({"fp32": 0.003, "bf16": 0.001}))
        yield


@pytest.fixture(scope="module")
def screened(folder):
    with closing(run_whole(assembled(folder, precision="bf16"), folder / "screened")) as run:
        yield run


@pytest.fixture(scope="module")
def exact(folder):
    with closing(run_whole(assembled(folder, precision="fp32"), folder / "exact")) as run:
        yield run


def test_most_images_are_only_screened(screened, exact):
    confirmed = sum(report.confirmed for report in screened.history)
    assert 256 <= confirmed < screened.evaluations / 2
    assert sum(report.confirmed for report in exact.history) == exact.evaluations


def test_the_search_is_that_of_exact_scores(screened, exact):
    one, other = (contents(run.path / "run.db") for run in (screened, exact))
    for table in ("candidate", "parent", "elite", "replacement", "image"):
        assert one[table] == other[table], table


def test_what_is_recorded_is_the_exact_score_of_the_saved_image(screened, folder):
    scorer = assembled(folder, precision="fp32").scorer
    for verified in verify(screened, scorer):
        assert verified.measured == verified.recorded


def test_the_number_of_cores_changes_nothing_and_a_run_goes_on_with_its_plan(
    screened, folder, monkeypatch
):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        session = start(assembled(folder, precision="bf16"), folder / "cores")
        session.go(Silence(), stop_after(13))
        torch.set_num_threads(before + 1)
        monkeypatch.delattr(SpeedTrial, "seconds")
        go_on(folder / "cores").go(Silence())
    finally:
        torch.set_num_threads(before)
    assert contents(folder / "cores" / "run.db") == contents(screened.path / "run.db")


def test_a_run_of_another_device_is_refused_in_words(screened, monkeypatch):
    monkeypatch.setattr(LocalBatches, "device", "cuda")
    with pytest.raises(RunError, match="were scored on cpu, and this machine would use cuda"):
        go_on(screened.path)


def test_the_plan_is_recorded(screened):
    plan = ScoringPlan.from_json(screened.info["scoring"])
    assert (plan.screening, plan.device, plan.batch_size) == ("bf16", "cpu", 15)


def test_begun_ahead_or_not_a_run_ends_in_the_same_database(folder):
    """With screening, several parts, a length that is no multiple of a generation, and learning."""
    databases = []
    for ahead in (True, False):
        file = folder / "ahead.ini"
        file.write_text(
            EXPERIMENT.replace("generations = 40", "images = 1111")
            + "learn = 0.3\nlearn_steps = 2\n"
        )
        assembly = assemble(load_experiment(file, overrides=["target.precision=bf16"]))
        plan = replace(assembly.scorer.plan, parts=3, cores=2)
        assembly.scorer = Scorer(assembly.scorer.target, name="target 'mnist'", plan=plan)
        assembly.scorer.batches.in_threads = ahead
        there = folder / f"ahead-{ahead}"
        start(assembly, there).go(Silence())
        databases.append(contents(there / "run.db"))
    assert databases[0] == databases[1]
