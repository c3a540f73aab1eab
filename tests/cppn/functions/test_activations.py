from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from neat.activations import ActivationFunctionSet, validate_activation

from neatfool.cppn.functions.activations import ACTIVATIONS

NAMES = sorted(ACTIVATIONS)
SPLIT = {"inv", "log", "exp"}
"""Those without a mean under a normal distribution, or with one that is set by its tails."""
ORDINARY = [*np.linspace(-20, 20, 401), 0.0, -0.0, 1e-12, -1e-12, 3.4, -3.4, 61.0, -300.0, 1e4]
NODES, SHARES = np.polynomial.hermite_e.hermegauss(121)
SHARES /= SHARES.sum()


def scalar_values(name, arguments):
    return np.array([ACTIVATIONS[name].scalar(float(z)) for z in arguments])


def numpy_values(name, arguments, dtype=np.float64):
    with np.errstate(all="ignore"):
        return ACTIVATIONS[name].rule.mean(np, np.array(arguments, dtype), dtype(0.0))


def torch_values(name, arguments, dtype=torch.float64):
    z = torch.tensor(arguments, dtype=dtype)
    return ACTIVATIONS[name].rule.mean(torch, z, z.new_zeros(())).numpy()


def test_neat_pythons_are_all_there():
    assert set(ActivationFunctionSet().functions) - set(ACTIVATIONS) == set()


@pytest.mark.parametrize("name", NAMES)
def test_means_without_a_variance_equal_the_scalar_function(name):
    expected = scalar_values(name, ORDINARY)
    for values in (numpy_values, torch_values):
        np.testing.assert_allclose(values(name, ORDINARY), expected, rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_near_the_scalar_function(name):
    arguments = np.linspace(-10, 10, 301).astype(np.float32)
    expected = scalar_values(name, arguments)
    np.testing.assert_allclose(numpy_values(name, arguments, np.float32), expected, 1e-5, 1e-5)
    np.testing.assert_allclose(torch_values(name, arguments, torch.float32), expected, 1e-5, 1e-5)


@pytest.mark.parametrize("name", sorted(set(NAMES) - SPLIT))
@pytest.mark.parametrize("variance", [0.01, 0.1, 1.0, 4.0])
def test_mean_and_variance_are_near_those_under_a_normal_distribution(name, variance):
    rule, s = ACTIVATIONS[name].rule, np.linspace(-4, 4, 81)
    values = scalar_values(name, (s[:, None] + math.sqrt(variance) * NODES).ravel())
    values = values.reshape(len(s), -1)
    mean = values @ SHARES
    spread = values**2 @ SHARES - mean**2
    size = np.maximum(np.abs(mean), 1 + math.sqrt(variance))
    ours = rule.mean(np, s, variance)
    assert (np.abs(ours - mean) / size).max() < 0.14
    ours = rule.variance(np, s, variance, ours)
    assert (np.abs(ours - spread) / np.maximum(spread, 1)).max() < 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variance", [0.0, 0.3, 30.0])
def test_a_slope_is_that_of_the_mean(name, variance):
    rule = ACTIVATIONS[name].rule
    s = torch.cat([torch.linspace(-2.05, 2.05, 40), torch.tensor([-70.3, -14.7, 14.1, 71.7])])
    s = s.double().requires_grad_()
    v = torch.full_like(s, variance)
    mean = rule.mean(torch, s, v)
    (slope,) = torch.autograd.grad(mean.sum(), s)
    ours = rule.slope(torch, s, v, mean).detach() + 0 * s.detach()
    if name == "inv":  # with a variance, of the leading part
        assert variance or torch.allclose(ours, slope)
    else:
        torch.testing.assert_close(ours, slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_everywhere(name):
    odd = torch.tensor([0.0, 1e3, -1e3, 1e9, -1e9], requires_grad=True)
    ACTIVATIONS[name].rule.mean(torch, odd, odd.new_zeros(())).sum().backward()
    assert odd.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variance", [0.0, 1e-6, 1.0, 1e9])
def test_nothing_is_nan(name, variance):
    rule, z = ACTIVATIONS[name].rule, np.float32([0, 1e-30, 1, -1, 1e5, 1e9, -1e9])
    with np.errstate(all="ignore"):
        mean = rule.mean(np, z, np.float32(variance))
        assert not np.isnan(mean).any()
        assert not np.isnan(rule.variance(np, z, np.float32(variance), mean)).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_value_has_the_same_bits_wherever_it_lies(name):
    arguments = np.random.default_rng(1).normal(0, 4, 200).astype(np.float32)
    alone = np.concatenate([numpy_values(name, [z], np.float32) for z in arguments])
    for start in range(17):
        for stop in (start + 1, start + 7, start + 33, 200):
            values = numpy_values(name, arguments[start:stop], np.float32)
            assert values.tobytes() == alone[start:stop].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_glyph_stays_inside_its_disc_and_has_a_colour(name):
    glyph = ACTIVATIONS[name].glyph
    assert np.abs(glyph.points()).max() <= 1.3
    assert re.fullmatch("#[0-9a-f]{6}", glyph.colour)


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
