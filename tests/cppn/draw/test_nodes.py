"""What compiled code makes of a node, against the formulas in double precision."""

import numpy as np
import pytest

from neatfool.cppn import ACTIVATIONS

pytest.importorskip("numba")

from neatfool.compiling import outer
from neatfool.cppn.draw.kernel import activate
from neatfool.cppn.formulas import by_numpy

F = np.float32
NAMES = list(ACTIVATIONS)
# Their arguments are rounded once more, or rounding is magnified.
TOLERANCES = {"sin": 4e-6, "gauss": 5e-6, "triangle": 2e-6}


@outer()
def apply(code, tables, sources, factors, width, limited):
    if limited:
        activate(True, code, (tables, sources, factors, F(0.0), 1, width, True))
    else:
        activate(True, code, (tables, sources, factors, F(0.0), 1, width, None))


def applied(name, *given, limited=True):
    tables = np.stack([np.stack([each, each]) for each in given])
    apply(NAMES.index(name), tables, np.zeros(1, np.int32), np.ones(1, F), len(given[0]), limited)
    return tables[:, 1]


def some(low, high, count=6400):
    return np.random.default_rng(0).uniform(low, high, count).astype(F)


@pytest.mark.parametrize("name", NAMES)
def test_points_are_accurate(name):
    for z in (some(-4, 4), some(-30, 30), some(-0.01, 0.01)):
        (got,) = applied(name, z, limited=False)
        (expected,) = ACTIVATIONS[name].at_points.evaluate(by_numpy, z.astype(np.float64))
        tolerance = TOLERANCES.get(name, 1e-6)
        np.testing.assert_allclose(got, expected, tolerance, tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_means_and_derivatives_are_accurate(name):
    z = some(-6, 6)
    for most in (1e-2, 1.0, 10.0):
        across, down = some(-most, most)[::-1].copy(), np.roll(some(0, most), 99)
        got = applied(name, z, across, down)
        wide = [each.astype(np.float64) for each in (z, across, down)]
        for ours, expected in zip(
            got, ACTIVATIONS[name].within_reach.evaluate(by_numpy, *wide), strict=True
        ):
            np.testing.assert_allclose(ours, expected, 1e-4, 2e-5 * max(1, most))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_any_size_stay_numbers(name):
    z = np.tile(F([1e9, -1e9, 1e18, 0.0, -0.0, 1e-30, -1e18, 1e-40]), 8)
    for reach in (0.0, 1.0, 1e9):
        assert np.isfinite(applied(name, z, np.full_like(z, reach), np.abs(z))).all()
