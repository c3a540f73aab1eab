import json
import logging
import os
import signal
import sys
import time
from contextlib import closing

import dask
import distributed
import pytest
from commands import neatfool, write_experiment
from engines import begun, database
from searches import Silence

from neatfool import open_run
from neatfool.errors import ExperimentError, TargetError
from tests.support.databases import contents

MNIST = """\
[experiment]
generations = 6
[target]
plugin = mnist
precision = bf16
[scheme]
batch = 80
"""


RIPPLE = """\
import neatfool

@neatfool.hookimpl
def neatfool_register_activations(register):
    register("ripple", lambda xp, z: xp.sin(z) * xp.exp(-z * z))
"""


class Deed(Silence):
    """Does something after a generation."""

    def __init__(self, deed, generation=2):
        self.deed, self.generation = deed, generation

    def generation_done(self, run, report):
        if report.generation == self.generation:
            self.deed()


def processes(cluster):
    """Give the workers' process numbers."""
    return [nanny.pid for nanny in cluster.workers.values()]


def by(scheduler, *more):
    return f"engine.scheduler={scheduler}", *more


def test_two_workers_give_the_same_database(file, tmp_path, cluster):
    alone = database(file, tmp_path / "alone")
    assert database(file, tmp_path / "run", *by(cluster)) == alone


@pytest.mark.usefixtures("own_activations")
def test_workers_draw_the_activations_of_plugins(file, tmp_path, cluster):
    (tmp_path / "ripple.py").write_text(RIPPLE)
    text = file.read_text().replace("shades.py,", "shades.py, ripple.py,")
    file.write_text(f"{text}[DefaultGenome]\nactivation_options = ripple paper_sine\n")
    plain = "encoding.renderer=plain"
    alone = database(file, tmp_path / "alone", plain)
    assert database(file, tmp_path / "run", plain, *by(cluster)) == alone


def test_a_network_that_is_screened_gives_the_same_database(tmp_path, cluster):
    file = tmp_path / "mnist.ini"
    file.write_text(MNIST)
    alone = database(file, tmp_path / "alone")
    assert database(file, tmp_path / "run", *by(cluster)) == alone


@pytest.mark.slow
def test_views_give_the_same_database(tmp_path, cluster):
    file = tmp_path / "mnist.ini"
    file.write_text(MNIST + "[views]\nnumber = 3\nmove = 2\nlight = 20\n")
    alone = database(file, tmp_path / "alone")
    assert database(file, tmp_path / "run", *by(cluster)) == alone


def test_an_error_of_the_target_is_that_of_a_run_without_an_engine(file, tmp_path, cluster):
    fails = Deed((tmp_path / "fail").touch)
    with pytest.raises(TargetError) as in_a_worker:
        begun(file, tmp_path / "run", *by(cluster)).go(fails)
    (tmp_path / "process").write_text("nobody")
    (tmp_path / "fail").unlink()
    with pytest.raises(TargetError) as alone:
        begun(file, tmp_path / "alone").go(fails)
    assert str(in_a_worker.value) == str(alone.value)


def test_a_worker_whose_target_is_another_is_refused(file, tmp_path, cluster):
    session = begun(file, tmp_path / "run", *by(cluster))
    code = tmp_path / "shades.py"
    code.write_text(code.read_text().replace("GAIN = 12.0", "GAIN = 13.0"))
    with pytest.raises(TargetError, match=r"cannot be used: its target 'shades' .*weights"):
        session.go(Silence())


def test_a_worker_that_scores_otherwise_is_refused(file, tmp_path, cluster):
    code = tmp_path / "shades.py"
    own = '    def fingerprint(self):\n        return "shades"\n\n    def score('
    code.write_text(code.read_text().replace("    def score(", own))
    session = begun(file, tmp_path / "run", *by(cluster))
    code.write_text(code.read_text().replace("GAIN = 12.0", "GAIN = 12.0000001"))
    with pytest.raises(TargetError, match=r"the probes differently \(.* as the logit of class"):
        session.go(Silence())


@pytest.mark.slow
def test_a_run_goes_on_without_a_worker_that_was_killed(file, tmp_path, own_cluster):
    slow = "target.seconds=0.01"  # so that it is seen before the run ends
    alone = database(file, tmp_path / "alone", slow)
    kills = Deed(lambda: os.kill(processes(own_cluster)[0], signal.SIGKILL))
    given = by(own_cluster.scheduler_address, slow)
    assert database(file, tmp_path / "run", *given, observers=kills) == alone


@pytest.mark.slow
@pytest.mark.parametrize("own_cluster", [1], indirect=True)
def test_a_run_without_workers_pauses_and_is_resumed_without_an_engine(file, tmp_path, own_cluster):
    alone = database(file, tmp_path / "alone")
    leaves = Deed(lambda: own_cluster.scale(0))
    given = by(own_cluster.scheduler_address, "engine.patience=0.5")
    outcome = begun(file, tmp_path / "run", *given).go(leaves)
    assert outcome.reason == "paused"
    assert "no worker is left" in outcome.cause
    assert "dask worker tcp://" in outcome.cause
    resumed = neatfool("resume", tmp_path / "run", "--workers", 0, "--no-report", exit_code=0)
    assert "Starting the workers" not in resumed.output
    assert contents(tmp_path / "run" / "run.db") == alone


def test_a_scheduler_that_does_not_answer_pauses_the_run(file, tmp_path, monkeypatch):
    from neatfool_plugins.dask import engine

    monkeypatch.setattr(engine, "CONNECTING", 0.2)
    outcome = begun(file, tmp_path / "run", *by("tcp://127.0.0.1:9")).go(Silence())
    assert outcome.reason == "paused"
    assert "tcp://127.0.0.1:9: no scheduler answers there" in outcome.cause


def test_the_command_line_says_whom_a_paused_run_waits_for(file, tmp_path, monkeypatch):
    from neatfool_plugins.dask import engine

    monkeypatch.setattr(engine, "CONNECTING", 0.2)
    paused = neatfool(
        *("run", file, "--out", tmp_path / "run", "--set", "engine.scheduler=tcp://127.0.0.1:9")
    )
    assert "Paused because workers cannot be reached: " in paused.output


def test_a_target_that_costs_something_stays_in_the_runs_process(file, tmp_path, caplog):
    code = tmp_path / "shades.py"
    meter = "    def meter(self, ledger):\n        self.ledger = ledger\n\n    def score("
    code.write_text(code.read_text().replace("    def score(", meter))
    session = begun(file, tmp_path / "run", "engine.workers=2")
    with caplog.at_level(logging.WARNING):
        session._start_engine(None)
    assert "costs something" in caplog.text
    assert session.workers == ""
    session._ending.close()


def test_workers_and_a_scheduler_are_not_given_both(file, tmp_path):
    with pytest.raises(ExperimentError, match="'workers' are processes of this machine"):
        begun(file, tmp_path / "run", *by("tcp://127.0.0.1:9", "engine.workers=2"))


def test_a_file_of_a_scheduler_must_be_there(file, tmp_path):
    outcome = begun(file, tmp_path / "run", *by(tmp_path / "none.json")).go(Silence())
    assert outcome.reason == "paused"
    assert "there is no such file" in outcome.cause


@pytest.mark.slow
def test_workers_of_this_machine_are_started_named_and_ended(file, tmp_path, capfd):
    folder = tmp_path / "run"
    done = neatfool("run", file, "--out", folder, "--workers", 1, "--no-report", exit_code=0)
    assert "Drawing and scoring by workers of this machine" in done.output
    assert "Drawn and scored by 1 worker" in done.output
    time.sleep(0.1)
    assert capfd.readouterr().err == "", "what a worker says when it ends"
    assert contents(folder / "run.db") == database(file, tmp_path / "alone")
    longer = neatfool(
        "resume", folder, "--generations", 9, "--workers", 0, "--no-report", exit_code=0
    )
    assert "Starting the workers" not in longer.output


@pytest.mark.slow
def test_a_cluster_may_ask_for_certificates(file, tmp_path):
    security = distributed.Security.temporary()
    files = {"ca-file": "tls_ca_file", "client.cert": "tls_client_cert"}
    files |= {"client.key": "tls_client_key"}
    given = {}
    for name, attribute in files.items():
        (tmp_path / f"{name}.pem").write_text(getattr(security, attribute))
        given[f"distributed.comm.tls.{name}"] = str(tmp_path / f"{name}.pem")
    local = {"n_workers": 1, "threads_per_worker": 1, "host": "127.0.0.1", "protocol": "tls://"}
    with distributed.LocalCluster(
        security=security, dashboard_address="127.0.0.1:0", **local
    ) as it:
        with dask.config.set(given):
            run = database(file, tmp_path / "run", *by(it.scheduler_address))
        without = begun(file, tmp_path / "refused", *by(it.scheduler_address)).go(Silence())
    assert run == database(file, tmp_path / "alone")
    assert without.reason == "paused"


def test_the_plugin_is_shown_and_says_what_it_needs(file, monkeypatch):
    shown = neatfool("plugins", "show", "engine.dask")
    assert "patience" in shown.output
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "neatfool_plugins.dask.engine", raising=False)
    folder = file.parent / "run"
    with pytest.raises(ExperimentError, match=r"distributed is not installed; pip install 'neat.*"):
        begun(file, folder, "engine.workers=2")
    assert not folder.exists(), "it can be begun once the package is there"


@pytest.fixture
def audit(tmp_path):
    """Give a function that audits the small target, and gives the card and the first run."""
    file = write_experiment(tmp_path)
    budget = ("--images", 60, "--set", "target.batch_size=4", "--json")

    def make(out, *args):
        made = neatfool("audit", file, *budget, *args, "--out", tmp_path / out, exit_code=0)
        card = json.loads(made.stdout)
        with closing(open_run(card.pop("runs")[0])) as run:
            return card, run.experiment.get("engine")

    return make


@pytest.mark.slow
def test_the_card_is_the_same_with_two_workers_of_a_cluster(audit, cluster):
    alone, no_engine = audit("alone", "--seeds", "1-2")
    card, engine = audit("out", "--seeds", "1-2", "--set", f"engine.scheduler={cluster}")
    assert card == alone
    assert no_engine is None
    assert engine["scheduler"] == cluster


@pytest.mark.slow
def test_the_card_is_the_same_with_a_worker_of_this_machine(audit):
    card, engine = audit("out", "--seeds", "1", "--set", "engine.workers=1")
    assert card == audit("alone", "--seeds", "1")[0]
    assert engine["workers"] == 1
