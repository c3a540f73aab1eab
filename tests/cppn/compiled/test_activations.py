"""What compiled code makes of a node, against the formulas in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_cppns import INPUTS, connection, genome_of, node

from neatfool.cppn import ACTIVATIONS, AGGREGATIONS, compile_genomes, compile_tape, render

pytest.importorskip("numba")

from neatfool.compiling import outer
from neatfool.cppn.compiled.activations import activate

F = np.float32
NAMES = list(ACTIVATIONS)
# Their arguments are rounded once more, or rounding is magnified.
TOLERANCES = {"sin": 4e-6, "gauss": 5e-6, "inv": 1e-5, "triangle": 2e-6}
TABLE = "float32[:, ::1]"


@outer(f"void(int64, {TABLE}, {TABLE}, int32[::1], float32[::1], int64, boolean)")
def apply(code, values, variances, sources, factors, width, limited):
    if limited:
        activate(code, values, variances, sources, factors, F(0.0), 1, width, True, True)
    else:
        activate(code, values, variances, sources, factors, F(0.0), 1, width, True, None)


def applied(name, z, v, limited=True):
    values, variances = np.stack([z, z]), np.stack([v, v])
    sources, factors = np.zeros(1, np.int32), np.ones(1, F)
    apply(NAMES.index(name), values, variances, sources, factors, len(z), limited)
    return values[1], variances[1]


def some(low, high, count=6400):
    return np.random.default_rng(0).uniform(low, high, count).astype(F)


@pytest.mark.parametrize("name", NAMES)
def test_points_are_accurate(name):
    for z in (some(-4, 4), some(-30, 30), some(-0.01, 0.01)):
        got, _ = applied(name, z, np.zeros_like(z), limited=False)
        expected = ACTIVATIONS[name].rule.mean(np, z.astype(np.float64), 0.0)
        tolerance = TOLERANCES.get(name, 1e-6)
        np.testing.assert_allclose(got, expected, tolerance, tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_means_and_variances_are_accurate(name):
    rule, z = ACTIVATIONS[name].rule, some(-6, 6)
    for most in (1e-4, 1.0, 100.0):
        v = some(0, most)[::-1].copy()
        mean, variance = applied(name, z, v)
        wide = z.astype(np.float64), v.astype(np.float64)
        expected = rule.mean(np, *wide)
        np.testing.assert_allclose(mean, expected, 1e-5, 1e-5)
        # Variances are cut when they are added up.
        spread = rule.variance(np, *wide, expected).clip(0, 1e9)
        np.testing.assert_allclose(variance.clip(0, 1e9), spread, 3e-4, 3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_any_size_stay_numbers(name):
    z = np.tile(F([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-40]), 8)
    mean, variance = applied(name, z, np.abs(z))
    assert not np.isnan(mean).any()
    assert not np.isnan(variance).any()


def aggregated(aggregation, terms):
    links = [connection(5 + number, 0, 1.0 - 0.3 * number) for number in range(terms)]
    nodes = [node(0, "paper_sigmoid", aggregation, bias=0.25, response=1.5)]
    nodes += [node(5 + number) for number in range(terms)]
    links += [connection(INPUTS[(7 * n) % 4], 5 + n, (-1.0) ** n) for n in range(terms)]
    return [genome_of(nodes, links)]


@pytest.mark.parametrize("band_limit", [0.0, 4.0])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("terms", range(11))
def test_an_aggregation_is_that_of_the_plain_path(aggregation, terms, band_limit):
    genomes = aggregated(aggregation, terms)
    size = {"height": 40, "width": 50, "inputs": "normalised", "band_limit": band_limit}
    tape, program = (make(genomes, INPUTS, [0]) for make in (compile_tape, compile_genomes))
    difference = (render(tape, **size).int() - render(program, **size).int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 2e-3


def test_a_variance_makes_a_difference():
    genomes, size = aggregated("product", 4), {"height": 40, "width": 50, "inputs": "normalised"}
    tape = compile_tape(genomes, INPUTS, [0])
    assert not torch.equal(render(tape, **size), render(tape, **size, band_limit=4.0))
