from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from neat.activations import ActivationFunctionSet, validate_activation

from neatfool.cppn.functions.activations import ACTIVATIONS

NAMES = sorted(ACTIVATIONS)
ORDINARY = [*np.linspace(-20, 20, 401), 0.0, -0.0, 1e-12, -1e-12, 3.4, -3.4, 61.0, -300.0, 1e4]
SPECIAL = [math.inf, -math.inf, math.nan, 1e200, -1e200]


def scalar_values(name, arguments):
    values = []
    for z in arguments:
        try:
            values.append(ACTIVATIONS[name].scalar(float(z)))
        except OverflowError:  # a power in Python; infinite in an array
            values.append(math.copysign(math.inf, z) if name == "cube" else math.inf)
    return np.array(values)


def numpy_values(name, arguments, dtype=np.float64):
    z = np.array(arguments, dtype)
    out = np.empty_like(z)
    with np.errstate(all="ignore"):
        ACTIVATIONS[name].write(z, out)
    return out


def torch_values(name, arguments, dtype=torch.float64):
    return ACTIVATIONS[name](torch.tensor(arguments, dtype=dtype)).numpy()


def test_neat_pythons_are_all_there():
    assert set(ActivationFunctionSet().functions) - set(ACTIVATIONS) == set()


@pytest.mark.parametrize("name", NAMES)
def test_arrays_equal_the_scalar_function(name):
    expected = scalar_values(name, ORDINARY + SPECIAL)
    for values in (numpy_values, torch_values):
        np.testing.assert_allclose(values(name, ORDINARY + SPECIAL), expected, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_near_the_scalar_function(name):
    arguments = np.linspace(-10, 10, 301).astype(np.float32)
    expected = scalar_values(name, arguments)
    np.testing.assert_allclose(numpy_values(name, arguments, np.float32), expected, 1e-5, 1e-5)
    np.testing.assert_allclose(torch_values(name, arguments, torch.float32), expected, 1e-5, 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_has_the_same_bits_wherever_it_lies(name):
    arguments = np.random.default_rng(1).normal(0, 4, 200).astype(np.float32)
    alone = np.concatenate([numpy_values(name, [z], np.float32) for z in arguments])
    for start in range(17):
        for stop in (start + 1, start + 7, start + 33, 200):
            values = numpy_values(name, arguments[start:stop], np.float32)
            assert values.tobytes() == alone[start:stop].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_torch_writes_what_it_returns_and_leaves_the_argument(name):
    z = torch.linspace(-5, 5, 50)
    before, out = z.clone(), torch.empty_like(z)
    ACTIVATIONS[name](z, out)
    assert torch.equal(z, before)
    assert torch.equal(out, ACTIVATIONS[name](z))


@pytest.mark.parametrize("name", NAMES)
def test_bounded_means_within_one(name):
    values = np.abs(numpy_values(name, ORDINARY))
    assert ACTIVATIONS[name].bounded == bool(values.max() <= 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_glyph_stays_inside_its_disc_and_has_a_colour(name):
    glyph = ACTIVATIONS[name].glyph
    assert np.abs(glyph.points()).max() <= 1.3
    assert re.fullmatch("#[0-9a-f]{6}", glyph.colour)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_right_and_finite_everywhere(name):
    activation = ACTIVATIONS[name]
    z = torch.linspace(-2.05, 2.05, 40, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(activation, z)
    odd = torch.tensor([0.0, 1e3, -1e3], dtype=torch.float64, requires_grad=True)
    activation(odd).sum().backward()
    assert odd.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_neat_python_takes_the_function(name):
    validate_activation(ACTIVATIONS[name].scalar)


def test_the_papers_are_what_the_paper_says():
    scalar = {name: activation.scalar for name, activation in ACTIVATIONS.items()}
    for z in np.linspace(-9, 9, 37).tolist():
        assert scalar["paper_sine"](z) == math.sin(z)
        assert scalar["paper_sigmoid"](z) == pytest.approx(2 / (1 + math.exp(-z)) - 1)
        assert scalar["paper_gaussian"](z) == math.exp(-(z**2))
        assert scalar["paper_linear"](z) == min(max(z, -3), 3) / 3
        assert scalar["paper_tanh"](z) == math.tanh(5 * z)
