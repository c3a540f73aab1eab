"""Checkpoints of neat-python, as JSON."""

import neat
import pytest
from click.testing import CliRunner
from random_neat import evolve_xor

from neatfool import GenomeError, cppn
from neatfool.cppn.checkpoint import convert


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of three generations."""
    evolve_xor(tmp_path, 3)
    return tmp_path / "neat-checkpoint-3"


def test_a_checkpoint_is_never_read_but_names_the_command_that_converts_it(checkpoint):
    with pytest.raises(GenomeError, match=rf"neatfool\.cppn\.checkpoint {checkpoint} FOLDER"):
        cppn.read(checkpoint)


def test_it_says_what_it_runs_and_asks_first(checkpoint, tmp_path):
    result = CliRunner().invoke(convert, [str(checkpoint), str(tmp_path / "genomes")], input="n\n")
    assert f'neat.Checkpointer.restore_checkpoint("{checkpoint}")' in result.output
    assert result.exit_code == 1
    assert not (tmp_path / "genomes").exists()


def test_its_genomes_become_files_that_are_read(checkpoint, tmp_path):
    folder = tmp_path / "genomes"
    result = CliRunner().invoke(convert, ["--yes", str(checkpoint), str(folder)])
    assert result.exit_code == 0, result.output
    population = neat.Checkpointer.restore_checkpoint(str(checkpoint))
    assert {int(each.stem) for each in folder.iterdir()} == {*population.population}
    for key, genome in population.population.items():
        network = neat.nn.FeedForwardNetwork.create(genome, population.config)
        own = cppn.read(folder / f"{key}.json").activate([0.3, -0.2])
        assert own == pytest.approx(network.activate([0.3, -0.2]))
