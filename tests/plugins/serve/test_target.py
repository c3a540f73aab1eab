"""What an experiment's target is when it is served."""

from pathlib import Path

import numpy as np
import pytest
import torch
from commands import write_experiment

from neatfool import ExperimentError, load_experiment
from neatfool.evolution.assembly import assemble
from neatfool_plugins.serve.target import make_served_target

MNIST = Path(__file__).parents[3] / "experiments" / "mnist.ini"
pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(scope="module")
def mnist():
    return make_served_target(load_experiment(MNIST))


def test_its_scores_are_those_of_a_run_to_the_bit(mnist):
    images = torch.randint(256, (70, 1, 28, 28), dtype=torch.uint8)
    assembly = assemble(load_experiment(MNIST))
    expected = assembly.scorer.score(images)
    assert mnist.scorer.batch_size == assembly.scorer.batch_size
    assert mnist.scorer.fingerprint == assembly.scorer.fingerprint
    for cuts in ([], [1, 2, 33], [25, 50], [69]):
        parts = [mnist.scorer.score(part) for part in images.tensor_split(cuts)]
        for output in mnist.outputs:
            together = np.concatenate([output.of(part) for part in parts])
            assert together.tobytes() == output.of(expected).tobytes(), cuts


def test_the_target_s_section_suffices(tmp_path):
    write_experiment(tmp_path)
    file = tmp_path / "only.ini"
    file.write_text("[plugins]\npath = patches.py\n[target]\nplugin = patches\n")
    served = make_served_target(load_experiment(file, to_search=False))
    assert served.name == "only"
    assert [output.name for output in served.outputs] == ["probabilities", "logits"]
    assert {output.datatype for output in served.outputs} == {"FP64"}


def test_a_target_that_costs_something_is_not_served(tmp_path):
    file = write_experiment(tmp_path)
    plugin = tmp_path / "patches.py"
    plugin.write_text(
        plugin.read_text().replace("def score(", "def meter(self, ledger): ...\n\n    def score(")
    )
    with pytest.raises(ExperimentError, match="costs something to ask"):
        make_served_target(load_experiment(file))
