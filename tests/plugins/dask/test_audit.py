"""``neatfool audit`` with workers: the card is that of an audit without."""

import json
from contextlib import closing

import pytest
from commands import neatfool, write_experiment

from neatfool import open_run

pytestmark = pytest.mark.usefixtures("own_sys_path")


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
