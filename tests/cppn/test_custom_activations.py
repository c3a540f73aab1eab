"""Activations that programs and plugins add, each as one formula."""

import math

import numpy as np
import pytest
import torch

from neatfool import PluginError, cppn
from neatfool.cppn.formulas import by_numpy

pytestmark = pytest.mark.usefixtures("own_activations")

INPUTS = [-1, -2, -3, -4]
FORMULAS = {
    "ripple": lambda xp, z: xp.sin(z) * xp.exp(-z * z),
    "stripes": lambda xp, z: xp.cos(5 * z),
    "edge": lambda xp, z: xp.tanh(8 * z),
    "leaky": lambda xp, z: xp.maximum(0.1 * z, z),
    "cubic": lambda xp, z: np.float64(0.25) * z**3 - z,
    "steps": lambda xp, z: xp.round(z) + 0.3 * xp.step(z),
    "soft": lambda xp, z: z / (1 + abs(z)),
    "bump": lambda xp, z: xp.minimum(0.9, xp.exp(-z * z)) * xp.rsqrt(1 + z * z),
    "aside": lambda xp, z: xp.exp(-((z - 1) ** 2)),
    "quartic": lambda xp, z: z**4 - z * z,
}
PLAIN = {
    "ripple": lambda z: np.sin(z) * np.exp(-z * z),
    "stripes": lambda z: np.cos(5 * z),
    "edge": lambda z: np.tanh(8 * z),
    "leaky": lambda z: np.maximum(0.1 * z, z),
    "cubic": lambda z: 0.25 * z**3 - z,
    "steps": lambda z: np.rint(z) + 0.3 * (z >= 0),
    "soft": lambda z: z / (1 + np.abs(z)),
    "bump": lambda z: np.minimum(0.9, np.exp(-z * z)) / np.sqrt(1 + z * z),
    "aside": lambda z: np.exp(-((z - 1) ** 2)),
    "quartic": lambda z: z**4 - z * z,
}


def add(name="ripple", formula=FORMULAS["ripple"], **more):
    return cppn.add_activation(name, formula, **more)


def genomes(*names, count=20, outputs=1):
    preset = cppn.PRESETS["paper"]
    options = cppn.GenomeOptions(activation_options=[*names])
    config = cppn.genome_config(cppn.resolve(options, preset), outputs)
    breeder = cppn.Breeder(preset, config, cppn.Refinements(initial_rounds=12))
    made = breeder.create(range(count))
    return breeder.breed([[genome] for genome in made], range(count))


def look(band_limit=0.0):
    return cppn.Look(20, 24, "normalised", colour_map="grey", band_limit=band_limit)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_gives_its_values(name):
    z = np.linspace(-6, 6, 501)
    (found,) = add(name, FORMULAS[name]).at_points.evaluate(by_numpy, z)
    np.testing.assert_allclose(found, PLAIN[name](z), 1e-12, 1e-12)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("deviation", [0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0])
def test_its_mean_under_a_band_limit_comes_by_itself(name, deviation):
    made, grid = add(name, FORMULAS[name]), np.linspace(-6, 6, 20_001)
    shares = np.exp(-0.5 * grid**2)
    s = np.linspace(-2, 2, 41) * max(1.0, deviation)
    expected = PLAIN[name](s[:, None] + deviation * grid) @ (shares / shares.sum())
    across = np.full_like(s, deviation)
    (found, *_) = made.within_reach.evaluate(by_numpy, s, across, np.zeros_like(s))
    size = max(np.ptp(PLAIN[name](np.linspace(-2, 2, 99))), np.ptp(expected))
    assert np.abs(found - expected).max() < 0.1 * size


def test_an_authors_mean_is_taken():
    made = add("wave", FORMULAS["stripes"], mean=lambda xp, s, v: xp.cos(5 * s) * xp.exp(-12.5 * v))
    (found, *_) = made.within_reach.evaluate(by_numpy, np.zeros(1), np.full(1, 0.2), np.zeros(1))
    assert found == pytest.approx(math.exp(-0.5))


@pytest.mark.slow
@pytest.mark.parametrize("band_limit", [0.0, 2.0])
def test_compiled_code_draws_it_as_the_plain_renderer_does(band_limit):
    add()
    many = genomes("ripple", "paper_sine", "hat")
    compiled = cppn.render(cppn.compile_tape(many, INPUTS, [0]), look(band_limit))
    plain = cppn.render(cppn.compile_genomes(many, INPUTS, [0]), look(band_limit))
    apart = (compiled.int() - plain.int()).abs()
    assert (apart > 1).float().mean() < 1e-3
    assert plain.float().std() > 10


@pytest.mark.slow
def test_gradients_of_compiled_code_are_torchs():
    add()
    program = cppn.compile_genomes(genomes("ripple", count=1), INPUTS, [0])
    slopes = torch.randn(1, 1, 1, 20, 24, generator=torch.Generator().manual_seed(0)).numpy()
    compiled, plain = (
        cppn.render_gradients(program, slopes, look(2.0), compiled=each) for each in (True, False)
    )
    for name, expected in plain.items():
        size = float(expected.abs().max())
        torch.testing.assert_close(compiled[name], expected, rtol=1e-3, atol=1e-3 * size)


def test_genomes_that_name_it_are_kept_and_sent():
    add()
    for genome in genomes("ripple", count=3):
        assert cppn.loads(cppn.dumps(genome)) == genome
        assert cppn.from_bytes(cppn.to_bytes(genome)) == genome
        assert {node.activation for node in genome.nodes.values()} == {"ripple"}


def test_a_shader_has_its_function(tmp_path):
    add()
    picture = cppn.Picture(genomes("ripple", count=1)[0], look(2.0))
    shader = cppn.write(picture, tmp_path / "ripple.glsl").read_text()
    assert "vec3 act_ripple(vec3 z)" in shader
    assert "vec3 act_ripple(vec3 z)" in cppn.GLSL["ACTIVATIONS"]["ripple"]


def test_neat_python_evaluates_it():
    add()
    assert cppn.ACTIVATIONS["ripple"].scalar(0.5) == pytest.approx(math.sin(0.5) * math.exp(-0.25))


def test_the_same_formula_may_be_added_again():
    assert add() is add("ripple", lambda xp, y: xp.sin(y) * xp.exp(-y * y))


@pytest.mark.parametrize(
    ("name", "formula", "fault"),
    [
        ("sin", FORMULAS["ripple"], "neatfool has an activation of that name; choose another"),
        ("two words", FORMULAS["ripple"], "a name has small letters, figures and single underscor"),
        ("gl__x", FORMULAS["ripple"], "single underscores"),
        (
            "logarithm",
            lambda xp, z: xp.log(z),
            r"xp has no 'log'.*; use .* of xp, absolute, clip, cos",
        ),
        ("numpy", lambda xp, z: np.sin(z), "TypeError: operand 'Symbol'.* of xp, absolute"),
        ("sine", lambda xp, z: math.sin(z), "TypeError: must be real number.* of xp, absolute"),
        ("two", lambda xp, z: xp.sin(z, 2), "xp.sin takes 1 arguments, not 2"),
        ("half", lambda xp, z: z**0.5, "takes a whole number from 1 to 16, not 0.5"),
        ("choice", lambda xp, z: z if z else -z, "a formula cannot ask `if`; use xp.step"),
        ("more", lambda xp, z: z if z > 0 else -z, "'>' not supported.* of xp, absolute"),
        ("level", lambda xp, z: 3.0, "gives 3.0, which does not depend on its argument"),
        ("pole", lambda xp, z: 1 / z, "its value at z = 0 is inf; clip the argument, or add"),
        ("grows", lambda xp, z: xp.exp(z), "its value at z = 100 is inf"),
        ("nan", lambda xp, z: xp.sqrt(z), "its value at z = -20 is nan"),
        ("root", lambda xp, z: xp.sqrt(abs(z)), "its slope at z = 0 is (nan|inf)"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_activation_is_refused(name, formula, fault):
    with pytest.raises(PluginError, match=rf"activation '{name}' \(.*\): .*{fault}"):
        add(name, formula)
    assert name == "sin" or name not in cppn.ACTIVATIONS


def test_another_formula_of_the_same_name_is_refused():
    add(source="ripple.py")
    with pytest.raises(PluginError, match=r"another formula of that name, of ripple.py; rename"):
        add(formula=FORMULAS["stripes"])


@pytest.mark.parametrize(
    ("more", "fault"), [({"colour": "red"}, "'#b0642f'"), ({"reach": -1}, "give a number above 0")]
)
def test_a_look_that_cannot_be_is_refused(more, fault):
    with pytest.raises(PluginError, match=fault):
        add(**more)
