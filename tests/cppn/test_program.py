import random

import numpy as np
import pytest
import torch
from genomes import genomes
from hypothesis import given
from random_cppns import (
    BOUNDED,
    INPUTS,
    OUTPUTS,
    connection,
    evaluate,
    genome_of,
    neat_outputs,
    node,
    random_genome,
)

from neatfool import ExperimentError
from neatfool.cppn import ACTIVATIONS, Look, compile_genomes
from neatfool.cppn.draw.lattice import lay_lattice

SMOOTH = ["sigmoid", "tanh", "sin", "gauss", "square", "paper_sine", "paper_sigmoid"]


def points(count=9, dtype=torch.float64):
    """Some pixels of a normalised image: [4, count]."""
    spread = torch.linspace(0, 142, count).long()
    return lay_lattice(Look(13, 11, "normalised")).tables(0, 143, dtype=dtype)[0][:, spread]


def compiled(*batch, outputs=OUTPUTS):
    return compile_genomes(batch, INPUTS, outputs)


def disagreement(batch, inputs, outputs=OUTPUTS):
    """The largest difference from neat-python, relative for values above one."""
    kept, expected = [], []
    for genome in batch:
        try:
            expected.append(neat_outputs(genome, inputs.T.double().tolist(), outputs))
        except OverflowError:  # a power too large for Python's floats: neat-python has no value
            continue
        kept.append(genome)
    assert len(kept) >= 0.95 * len(batch)
    got = evaluate(compiled(*kept, outputs=outputs), inputs).double().numpy()
    expected = np.array(expected).transpose(0, 2, 1)
    both_odd = ~np.isfinite(expected) & ((got == expected) | (np.isnan(got) & np.isnan(expected)))
    with np.errstate(invalid="ignore"):
        difference = np.abs(got - expected) / np.maximum(np.abs(expected), 1)
    # Arguments are cut at 1e9, which neat-python's are not.
    worst = np.where(both_odd, 0, difference).max((1, 2))
    return np.sort(np.nan_to_num(worst, nan=1.0))[int(0.95 * len(worst))]


def test_a_thousand_random_genomes_equal_neat_python():
    batch = [random_genome(seed, weight=1.5) for seed in range(1000)]
    used = {node.activation for genome in batch for node in genome.nodes.values()}
    assert used == set(ACTIVATIONS)
    assert disagreement(batch, points()) < 1e-9


def test_a_thousand_random_genomes_equal_neat_python_in_single_precision():
    batch = [random_genome(seed, BOUNDED) for seed in range(1000)]
    assert disagreement(batch, points(dtype=torch.float32)) < 1e-5


@given(genomes())
def test_any_genome_compiles_and_runs(genome):
    outputs = evaluate(compiled(genome), points(2, torch.float32))
    assert outputs.shape == (1, 3, 2)


def test_the_whole_batch_takes_few_steps():
    batch = [random_genome(seed, ["sin", "gauss"], hidden=6) for seed in range(300)]
    program = compiled(*batch)
    assert len(program) == 300
    assert len(program.steps) <= 9
    assert all(1 <= len(step.blocks) <= 2 for step in program.steps)
    assert program.steps[0].rows.start == program.inputs + 1
    assert program.steps[-1].rows.stop == program.rows
    for step, following in zip(program.steps, program.steps[1:], strict=False):
        assert step.rows.stop == following.rows.start
        assert program.sources[following.terms].max() < following.rows.start


def parameters(program, dtype=torch.float64):
    return {
        name: getattr(program, name).to(dtype).clone().requires_grad_()
        for name in ("weights", "biases", "responses")
    }


def test_gradients_equal_finite_differences():
    program = compiled(*(random_genome(seed, SMOOTH, hidden=5, weight=0.7) for seed in range(8)))
    inputs = points(4).requires_grad_()
    given = parameters(program)

    def outputs(weights, biases, responses, inputs):
        return evaluate(program, inputs, weights=weights, biases=biases, responses=responses)

    assert torch.autograd.gradcheck(outputs, (*given.values(), inputs), rtol=1e-3, atol=1e-5)


def test_values_are_the_same_with_and_without_gradients():
    program = compiled(*(random_genome(seed) for seed in range(100)))
    plain = evaluate(program, points())
    tracked = evaluate(program, points(), **parameters(program))
    assert tracked.requires_grad
    torch.testing.assert_close(plain, tracked.detach(), rtol=1e-6, atol=1e-6, equal_nan=True)


def test_other_parameters_take_the_place_of_the_genomes():
    program = compiled(*(random_genome(seed, BOUNDED) for seed in range(20)))
    rng = random.Random(0)
    moved = [random_genome(seed, BOUNDED) for seed in range(20)]
    for genome in moved:
        for gene in genome.connections.values():
            gene.weight += rng.gauss(0, 1)
        for gene in genome.nodes.values():
            gene.bias -= 1.0
            gene.response *= 2.0
    other = compiled(*moved)
    given = {name: getattr(other, name) for name in ("weights", "biases", "responses")}
    torch.testing.assert_close(evaluate(program, points(), **given), evaluate(other, points()))


def test_arguments_are_cut_where_they_overflow():
    genome = genome_of([node(0, "tanh"), node(5, "square")], [connection(-4, 5, 1e30)])
    genome.connections |= {(5, 0): connection(5, 0, 1e300)}
    assert evaluate(compiled(genome, outputs=[0]), points(2)).tolist() == [[[1.0, 1.0]]]


def with_derivatives(inputs, reach):
    """Add what inputs change by, as if each changed alike across, and half as fast down."""
    along = torch.tensor([[reach], [reach], [reach], [0.0]], dtype=inputs.dtype)
    return torch.stack([inputs, along.expand_as(inputs), 0.5 * along.expand_as(inputs)])


def test_what_turns_fast_fades_and_its_derivatives_are_handed_on():
    genome = genome_of([node(0, "paper_sine")], [connection(-1, 0, 3.0)])
    inputs = points()
    mean, across, down = evaluate(compiled(genome, outputs=[0]), with_derivatives(inputs, 0.3))[
        0, 0
    ]
    faded = (1 - 9 * (0.3**2 + 0.15**2) / 16) ** 8
    torch.testing.assert_close(mean, (3 * inputs[0]).sin() * faded)
    torch.testing.assert_close(across, 0.9 * (3 * inputs[0]).cos() * faded)
    torch.testing.assert_close(down, 0.5 * across)


def test_gradients_with_derivatives_equal_finite_differences():
    program = compiled(*(random_genome(seed, SMOOTH, hidden=4) for seed in range(5)))
    inputs, given = with_derivatives(points(4), 0.3).requires_grad_(), parameters(program)

    def outputs(weights, biases, responses, inputs):
        numbers = {"weights": weights, "biases": biases, "responses": responses}
        return evaluate(program, inputs, **numbers)

    assert torch.autograd.gradcheck(outputs, (*given.values(), inputs), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("order", [(5, 6, 7), (7, 5, 6), (6, 7, 5)])
def test_a_cycle_is_named(order):
    genome = genome_of(
        [node(0), *map(node, order), node(8)],
        [connection(*edge) for edge in ((-1, 5), (5, 6), (6, 7), (7, 5), (7, 8), (8, 0))],
        key=41,
    )
    fine = genome_of([node(0)], [connection(-1, 0)])
    ways = ("5 -> 6 -> 7 -> 5", "6 -> 7 -> 5 -> 6", "7 -> 5 -> 6 -> 7")
    with pytest.raises(ExperimentError, match=rf"^genome 41: .*({'|'.join(ways)})$"):
        compiled(fine, genome, outputs=[0])
