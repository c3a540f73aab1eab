import numpy as np
import pytest
import torch
from genomes import breeder_of, config_of, line_of
from hypothesis import given
from hypothesis import strategies as st
from random_cppns import evaluate
from uncompiled import buffer_of, genome_of_buffer, uncompiled_breeding, view

from neatfool import cppn
from neatfool.cppn.genome.genome import check_genome

OUTPUTS = [0, 1, 2]
CONFIG = config_of()


def grown(seed):
    return line_of(breeder_of(), 40, seed)[-1]


def graft(genome, donor, output, outputs):
    with uncompiled_breeding() as modules:
        buffer = buffer_of(modules, genome, donor, outputs=len(outputs))
        parents = view(modules, genome), view(modules, donor)
        modules.crossover.graft(*parents, output, buffer)
        return genome_of_buffer(modules, buffer)


def outputs_of(genome):
    """Give a CPPN's outputs at some places: floats [3, 20]."""
    program = cppn.compile_genomes([genome], CONFIG.input_keys, CONFIG.output_keys)
    inputs = torch.rand(4, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return evaluate(program, inputs)[0].numpy()


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_graft_changes_one_output_into_the_donors_and_no_other(output):
    genome, donor = grown(1), grown(2)
    child = graft(genome, donor, output, OUTPUTS)
    before, given_, after = map(outputs_of, (genome, donor, child))
    for place in OUTPUTS:
        wanted = given_ if place == output else before
        np.testing.assert_allclose(after[place], wanted[place], atol=1e-6)
    assert not np.allclose(before, given_)


def test_a_graft_of_a_relative_gives_its_nodes_new_ids():
    parent = grown(3)
    sibling = breeder_of(activation_mutate_rate=1.0).breed([[parent]], [5])[0]
    child = graft(parent, sibling, 0, OUTPUTS)
    np.testing.assert_allclose(outputs_of(child)[0], outputs_of(sibling)[0], atol=1e-6)
    np.testing.assert_allclose(outputs_of(child)[1:], outputs_of(parent)[1:], atol=1e-6)


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from(OUTPUTS))
def test_a_grafted_genome_is_valid_and_has_no_node_that_leads_nowhere(one, other, output):
    child = graft(grown(one), grown(other), output, OUTPUTS)
    check_genome(child, CONFIG.input_keys, CONFIG.output_keys)
    sources = {source for source, _ in child.connections}
    assert all(key in sources for key in child.nodes if key not in OUTPUTS)
    assert cppn.loads(cppn.dumps(child), CONFIG) == child
