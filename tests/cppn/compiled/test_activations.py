"""What compiled code makes of one node, against Python's own functions in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from random_cppns import INPUTS, connection, genome_of, node

from neatfool.cppn import ACTIVATIONS, AGGREGATIONS, compile_tape, evaluate
from neatfool.cppn.compiled.renderer import compute_tape
from neatfool.cppn.functions.aggregations import REDUCTIONS
from neatfool.cppn.plain.program import compile_genomes

pytest.importorskip("numba")

ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38, 1e-7, 25000.0, 25001.0]
# The argument itself is rounded once more, to which these functions are sensitive where they
# are large or small.
TOLERANCES = {"sin": (0, 4e-6), "sigmoid": (5e-6, 0), "gauss": (5e-6, 0), "tanh": (1e-6, 0)}
TOLERANCES |= {
    "paper_gaussian": (1e-5, 1.2e-38),
    "paper_sine": (0, 1.3e-7),
    "softplus": (5e-6, 2e-8),
}


def values_of(activation, z):
    tape = compile_tape([genome_of([node(0, activation)], [connection(-1, 0)])], INPUTS, [0])
    inputs = torch.zeros(4, len(z))
    inputs[0] = torch.from_numpy(z)
    return compute_tape(tape, inputs)[0, 0].numpy()


def reference(activation, z):
    def value(number):
        try:
            return ACTIVATIONS[activation].scalar(number)
        except OverflowError:
            return math.inf

    return np.array([value(number) for number in z.astype(np.float64).tolist()])


def some(low, high, count=20_000):
    return np.random.default_rng(0).uniform(low, high, count).astype(np.float32)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_accurate(activation):
    z = np.concatenate([some(-4, 4), some(-30, 30), some(-0.01, 0.01), some(-1e4, 1e4, 2000)])
    relative, absolute = TOLERANCES.get(activation, (1e-6, 1.3e-7))
    with np.errstate(over="ignore"):
        expected = reference(activation, z).astype(np.float32)
    np.testing.assert_allclose(values_of(activation, z), expected, relative, absolute)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_odd_numbers_end_as_on_the_plain_path(activation):
    z = np.array(ODD, np.float32)
    expected = ACTIVATIONS[activation](torch.from_numpy(z.copy())).numpy()
    np.testing.assert_allclose(values_of(activation, z), expected, 1e-6, 2e-7)


@pytest.mark.parametrize(
    ("activation", "function", "low", "high", "ulps"),
    [
        ("exp", np.exp, -60, 60, 1.5),
        ("log", np.log, 1e-7, 2, 1.5),
        ("log", np.log, 1, 1e30, 1.5),
        ("paper_sigmoid", lambda z: np.tanh(z / 2), -20, 20, 8),
        ("paper_sigmoid", lambda z: np.tanh(z / 2), -0.1, 0.1, 8),
        ("paper_sine", np.sin, -1.6, 1.6, 2),
        ("paper_sine", np.sin, -1e30, 1e30, 1),
    ],
)
def test_functions_err_by_a_few_units_in_the_last_place(activation, function, low, high, ulps):
    z = some(low, high)
    exact = function(z.astype(np.float64))
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert (np.abs(values_of(activation, z) - exact) / unit).max() < ulps


def test_a_large_argument_beside_others_changes_nothing():
    z = some(-100, 100, 500)
    alone = values_of("paper_sine", z)
    beside = values_of("paper_sine", np.concatenate([z, np.float32([1e9, np.nan, np.inf])]))
    assert beside[:500].tobytes() == alone.tobytes()
    np.testing.assert_allclose(beside[500:], [math.sin(1e9), np.nan, np.nan], 1e-7)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("terms", range(11))
def test_an_aggregation_is_that_of_the_plain_path(aggregation, terms):
    links = [connection(5 + number, 0, 1.0 - 0.3 * number) for number in range(terms)]
    nodes = [node(0, "identity", aggregation, bias=0.25, response=1.5)]
    nodes += [node(5 + number) for number in range(terms)]
    links += [connection(INPUTS[(7 * n) % 4], 5 + n, (-1.0) ** n) for n in range(terms)]
    genome = genome_of(nodes, links)
    inputs = torch.from_numpy(some(-2, 2, 4 * 700).reshape(4, 700))
    expected = evaluate(compile_genomes([genome], INPUTS, [0]), inputs)
    got = compute_tape(compile_tape([genome], INPUTS, [0]), inputs)
    torch.testing.assert_close(got, expected, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("aggregation", REDUCTIONS)
def test_an_aggregation_of_nan_is_that_of_the_plain_path(aggregation):
    numbers = torch.tensor([math.nan, math.inf, -1.0, 2.0])
    inputs = torch.cartesian_prod(numbers, numbers, numbers, numbers).T.contiguous()
    for terms in (1, 2, 3, 4):
        links = [connection(key, 0) for key in INPUTS[:terms]]
        genome = genome_of([node(0, "identity", aggregation)], links)
        expected = evaluate(compile_genomes([genome], INPUTS, [0]), inputs)
        got = compute_tape(compile_tape([genome], INPUTS, [0]), inputs)
        torch.testing.assert_close(got, expected, equal_nan=True)
