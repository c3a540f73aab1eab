"""Blocks of pixels as one value of compiled code."""

import numpy as np
import pytest

pytest.importorskip("numba")

from neatfool.compiling import outer
from neatfool.cppn.draw.lanes import LANES, add_fused, emit, load, spread, store
from neatfool.cppn.formulas import Trace, by_numpy

F = np.float32
TABLE = "float32[:, ::1]"


def record():
    trace = Trace(2)
    a, b = trace.given
    choice = trace.minimum(a / (b - 0.5), -a * b + 0.5)
    smaller, larger = trace.minimum(a, choice), trace.maximum(b, choice)
    return trace.formula([smaller, larger + trace.step(b) * abs(a)])


FORMULA = record()
formula = emit(FORMULA)


@outer(f"void({TABLE}, {TABLE}, int64)")
def by_lanes(table, out, start):
    first, second = formula((load(table, 0, start), load(table, 1, start)))
    store(out, 0, start, first)
    store(out, 1, start, second)


@outer(f"void({TABLE}, float32, float32, float32)")
def rounded_once(table, a, b, c):
    store(table, 0, 0, add_fused(spread(a), b, c))


def test_lanes_are_computed_as_arrays_are_wherever_they_begin():
    table = np.random.default_rng(0).normal(size=(2, 3 * LANES)).astype(F)
    table[:, ::29] = -0.0
    expected = np.stack(FORMULA.evaluate(by_numpy, *table))
    for start in (0, 5, 2 * LANES):
        got, block = np.zeros_like(table), slice(start, start + LANES)
        by_lanes(table, got, start)
        np.testing.assert_allclose(got[:, block], expected[:, block], rtol=1e-6, atol=1e-6)
        assert not np.delete(got, np.r_[block], axis=1).any()


def test_a_product_that_is_added_is_not_rounded_before():
    table = np.zeros((1, LANES), F)
    b = F(1 + 2**-23)
    rounded_once(table, F(-1.0), b, b)
    assert (table == F(2**-22 + 2**-46)).all()
