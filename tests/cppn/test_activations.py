import math
import re

import numpy as np
import pytest
import torch
from neat import activations as neat_python
from neat.activations import validate_activation

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.formulas import by_numpy
from neatfool.cppn.torch_formulas import by_torch

NAMES = sorted(ACTIVATIONS)
ORDINARY = [*np.linspace(-20, 20, 401), 0.0, -0.0, 1e-12, -1e-12, 3.4, -3.4, 61.0, -300.0, 1e4]
NODES = np.linspace(-8, 8, 401)
SHARES = np.exp(-0.5 * NODES**2)
SHARES /= SHARES.sum()


def reference(name):
    """Give neat-python's function (within the limit), or the paper's."""
    papers = {
        "paper_sine": lambda z: math.sin(max(-25_000.0, min(25_000.0, z))),
        "paper_sigmoid": lambda z: math.tanh(0.5 * z),
        "paper_gaussian": lambda z: math.exp(-(z * z)),
        "paper_linear": lambda z: max(-3.0, min(3.0, z)) / 3.0,
        "paper_tanh": lambda z: math.tanh(5.0 * z),
        "inv": lambda z: 1.0 / z if abs(z) >= 1e-9 else 1e18 * z,
        "triangle": lambda z: 2.0 * max(-1.0, min(1.0, rest := math.remainder(z, 4.0))) - rest,
    }
    return papers.get(name) or getattr(neat_python, f"{name}_activation")


def scalar_values(name, arguments):
    return np.array([reference(name)(float(z)) for z in arguments])


def python_values(name, arguments):
    return np.array([ACTIVATIONS[name].scalar(float(z)) for z in arguments])


def numpy_values(name, arguments, dtype=np.float64):
    with np.errstate(all="ignore"):
        return ACTIVATIONS[name].at_points.evaluate(by_numpy, np.array(arguments, dtype))[0]


def torch_values(name, arguments, dtype=torch.float64):
    return (
        ACTIVATIONS[name]
        .at_points.evaluate(by_torch, torch.tensor(arguments, dtype=dtype))[0]
        .numpy()
    )


def within_reach(name, s, across=0.0, down=0.0, perform=by_torch):
    """The mean and its two derivatives, as arrays."""
    like = torch.full_like if perform is by_torch else np.full_like
    given = [like(s, each) if isinstance(each, float) else each for each in (s, across, down)]
    found = ACTIVATIONS[name].within_reach.evaluate(perform, *given)
    return [like(s, each) if isinstance(each, float) else each for each in found]


@pytest.mark.parametrize("name", NAMES)
def test_points_equal_the_scalar_function(name):
    expected = scalar_values(name, ORDINARY)
    for values in (python_values, numpy_values, torch_values):
        np.testing.assert_allclose(values(name, ORDINARY), expected, rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_near_the_scalar_function(name):
    arguments = np.linspace(-10, 10, 301).astype(np.float32)
    expected = scalar_values(name, arguments)
    np.testing.assert_allclose(numpy_values(name, arguments, np.float32), expected, 1e-5, 1e-5)
    np.testing.assert_allclose(torch_values(name, arguments, torch.float32), expected, 1e-5, 1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "inv"])  # 1/z has no mean
@pytest.mark.parametrize("variance", [0.0, 0.01, 0.1, 1.0, 4.0])
def test_a_mean_is_near_that_under_a_normal_distribution(name, variance):
    s = np.linspace(-4, 4, 81)
    values = scalar_values(name, (s[:, None] + math.sqrt(variance) * NODES).ravel())
    mean = values.reshape(len(s), -1) @ SHARES
    ours, _, _ = within_reach(name, s, 0.6 * variance**0.5, 0.8 * variance**0.5, by_numpy)
    assert (np.abs(ours - mean) / np.maximum(np.abs(mean), 1 + variance**0.5)).max() < 0.14


@pytest.mark.parametrize("name", ["paper_sine", "sin", "triangle"])
def test_nothing_is_left_of_a_wave_that_turns_too_fast(name):
    for found in within_reach(name, torch.linspace(-2, 2, 50), 3.0, 4.0):
        assert not found.any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reach", [0.0, 0.5, 5.0])
def test_the_derivatives_are_those_of_the_mean(name, reach):
    s = torch.cat([torch.linspace(-2.05, 2.05, 40), torch.tensor([-70.3, -14.7, 14.1, 71.7])])
    s = s.double().requires_grad_()
    mean, across, down = within_reach(name, s, reach, -0.5 * reach)
    (slope,) = torch.autograd.grad(mean.sum(), s)
    torch.testing.assert_close(across.detach(), slope * reach, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(down.detach(), -0.5 * slope * reach, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_go_back_as_torch_takes_them(name):
    generator = torch.Generator().manual_seed(0)
    given, slopes = torch.randn(2, 3, 50, generator=generator, dtype=torch.float64)
    given.requires_grad_()
    total = sum((a * b).sum() for a, b in zip(within_reach(name, *given), slopes, strict=True))
    (expected,) = torch.autograd.grad(total, given)
    found = ACTIVATIONS[name].backwards.evaluate(by_torch, *given.detach(), *slopes)
    found = [torch.as_tensor(each).expand(50) for each in found]
    torch.testing.assert_close(torch.stack(found), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reach", [0.0, 1e-3, 1.0, 3e4, 1e30])
def test_nothing_is_nan(name, reach):
    z = torch.tensor([0, 1e-30, 1, -1, 1e5, 1e9, -1e9])
    found = within_reach(name, z, reach, reach)
    slopes = [torch.ones_like(z)] * 3
    back = ACTIVATIONS[name].backwards.evaluate(by_torch, z, *found[1:], *slopes)
    for each in (*found, *back):
        assert not torch.as_tensor(each).isnan().any()


@pytest.mark.parametrize("name", NAMES)
def test_a_value_has_the_same_bits_wherever_it_lies(name):
    arguments = np.random.default_rng(1).normal(0, 4, 200).astype(np.float32)
    alone = np.concatenate([numpy_values(name, [z], np.float32) for z in arguments])
    for start in range(17):
        for stop in (start + 1, start + 7, start + 33, 200):
            values = numpy_values(name, arguments[start:stop], np.float32)
            assert values.tobytes() == alone[start:stop].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_curve_fills_its_disc_and_has_a_colour(name):
    curve = ACTIVATIONS[name].curve()
    assert (curve.min(0).tolist(), curve.max(0).tolist()) == ([-1.0, -1.0], [1.0, 1.0])
    assert re.fullmatch("#[0-9a-f]{6}", ACTIVATIONS[name].colour)


@pytest.mark.parametrize("name", NAMES)
def test_neat_python_takes_the_function(name):
    validate_activation(ACTIVATIONS[name].scalar)
