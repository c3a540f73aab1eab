"""Blocks of pixels as one value of compiled code."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from neatfool.compiling import inlined, outer
from neatfool.cppn.compiled.lanes import (
    LANES,
    add_product,
    any_beyond,
    larger,
    load,
    size_of,
    smaller,
    spread,
    store,
    where_larger,
)

F = np.float32
HALF = F(0.5)
TABLE = "float32[:, ::1]"


@inlined
def formula(a, b):
    choice = where_larger(a, b, a / (b - HALF), -a * b + HALF)
    return add_product(smaller(a, choice), larger(b, choice), size_of(a))


@outer(f"void({TABLE}, {TABLE}, int64)")
def by_lanes(table, out, start):
    store(out, 0, start, formula(load(table, 0, start), load(table, 1, start)))


@outer(f"void({TABLE}, {TABLE})")
def one_by_one(table, out):
    for i in range(table.shape[1]):
        out[0, i] = formula(table[0, i], table[1, i])


@outer(f"boolean({TABLE}, float32)")
def beyond(table, limit):
    return any_beyond(load(table, 0, 0), limit)


@outer(f"void({TABLE}, float32, float32, float32)")
def rounded_once(table, a, b, c):
    store(table, 0, 0, add_product(spread(a), b, c))


def test_lanes_are_computed_as_single_numbers_are():
    table = np.random.default_rng(0).normal(size=(2, 3 * LANES)).astype(F)
    table[0, ::17], table[1, ::23], table[:, ::29] = np.nan, np.inf, -0.0
    got, expected = np.zeros_like(table), np.zeros_like(table)
    one_by_one(table, expected)
    for start in (0, 5, 2 * LANES):
        by_lanes(table, got, start)
        block = slice(start, start + LANES)
        assert got[0, block].tobytes() == expected[0, block].tobytes()
    assert not got[1].any()


@pytest.mark.parametrize("lane", [0, 15, 16, 37, LANES - 1])
@pytest.mark.parametrize("number", [2.5, -2.5, np.inf, -np.inf, np.nan])
def test_a_lane_beyond_a_limit_is_seen(lane, number):
    table = np.full((1, LANES), -2.0, F)
    assert not beyond(table, F(2.0))
    table[0, lane] = number
    assert beyond(table, F(2.0))


def test_a_product_that_is_added_is_not_rounded_before():
    table = np.zeros((1, LANES), F)
    b = F(1 + 2**-23)
    rounded_once(table, F(-1.0), b, b)
    assert (table == F(2**-22 + 2**-46)).all()
