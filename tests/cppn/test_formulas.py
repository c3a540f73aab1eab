"""Formulas are recorded, differentiated and evaluated."""

import numpy as np
import pytest
import torch

from neatfool.cppn.derivatives import differentiate
from neatfool.cppn.formulas import Trace, by_numpy
from neatfool.cppn.torch_formulas import by_torch

FORMULAS = {
    "arithmetic": lambda xp, a, b: (
        (a + 2.0) * (3.0 - b) / (a * a + 1.0) - (-b) + 4.0 / (b * b + 1.0)
    ),
    "functions": lambda xp, a, b: xp.exp(xp.sin(a) - xp.cos(b)) * xp.tanh(a * b),
    "roots": lambda xp, a, b: xp.sqrt(a * a + 1.0) + xp.rsqrt(b * b + 0.5),
    "steps": lambda xp, a, b: (
        xp.clip(a, -0.5, 0.7) * xp.absolute(b) + xp.step(a) * b + xp.round(b) * a
    ),
}


def some():
    return torch.randn(2, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def recorded(formula):
    trace = Trace(2)
    return trace, formula(trace, *trace.given)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_derivatives_are_torchs(formula):
    trace, result = recorded(formula)
    slopes = trace.formula(differentiate(trace, [(result, 1.0)], trace.given))
    given = some().requires_grad_()
    (value,) = trace.formula([result]).evaluate(by_torch, *given)
    (expected,) = torch.autograd.grad(value.sum(), given)
    found = torch.stack(slopes.evaluate(by_torch, *given.detach()))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_numpy_and_torch_play_the_same(formula):
    trace, result = recorded(formula)
    (by_arrays,) = trace.formula([result]).evaluate(by_numpy, *some().numpy())
    (by_tensors,) = trace.formula([result]).evaluate(by_torch, *some())
    np.testing.assert_allclose(by_arrays, by_tensors.numpy(), rtol=1e-12)


def test_an_operation_is_written_once_and_only_if_it_is_needed():
    trace = Trace(1)
    (a,) = trace.given
    twice = trace.exp(a) + trace.exp(a)
    trace.sin(a)
    assert [kind for kind, _ in trace.formula([twice]).steps] == ["Exp", "Add"]


def test_what_changes_nothing_is_not_written():
    trace = Trace(1)
    (a,) = trace.given
    assert (a + 0.0) * 1.0 / 1.0 - 0.0 is a
    assert 0.0 * a == 0.0
    assert trace.sqrt(4.0) == 2.0


def test_a_result_may_be_a_number():
    trace = Trace(1)
    assert trace.formula([trace.given[0], 3.0]).evaluate(by_numpy, np.ones(2))[1] == 3.0
