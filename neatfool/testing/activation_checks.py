"""The checks that every activation must pass: all that draws agrees with its formula."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final
from unittest import SkipTest

import numpy as np

from neatfool.cppn.activations import Activation
from neatfool.testing.checking import Subject

POINTS: Final = 512
MEAN_ERROR: Final = 0.2
"""The largest error of a mean under a band limit, as a share of the values' range."""


class ActivationSubject(Subject[Activation]):
    """An activation under test, with arguments for it."""

    @cached_property
    def z(self) -> np.ndarray:
        """Arguments where it has its shape and around, float64 [POINTS]."""
        reach = self.made.reach
        middle = np.linspace(-2 * reach, 2 * reach, POINTS - 8)
        return np.append(middle, [0.0, 1e-6, -1e-6, 30.0, -30.0, 1e3, -1e3, 2e4])

    @cached_property
    def reaches(self) -> tuple[np.ndarray, np.ndarray]:
        """What an argument changes by over a pixel, to the right and downwards."""
        sizes = self.made.reach * np.random.default_rng(0).uniform(-1, 1, (2, POINTS))
        return sizes[0], sizes[1]

    def compare(self, what: str, found: Any, expected: Any, error: float = 1e-3) -> None:
        """Assert that results are nearly the expected ones."""
        places = self.z.shape
        rows = zip(found, expected, strict=True)
        for name, row in zip(("values", "slopes", "slopes"), rows, strict=False):
            one, other = (np.broadcast_to(each, places) for each in row)
            apart = np.abs(one - other) / (1 + np.abs(other) + np.abs(self.z * 1e-3))
            place = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
            fault = f"{what}: {name} at z = {self.z[place]:g} are {one[place]:g}"
            assert apart[place] <= error, f"{fault}, and the formula gives {other[place]:g}"


def _exact(subject: ActivationSubject, *, limited: bool) -> list[Any]:
    from neatfool.cppn.formulas import by_numpy

    given = subject.z, *subject.reaches
    if limited:
        return subject.made.within_reach.evaluate(by_numpy, *given)
    return subject.made.at_points.evaluate(by_numpy, subject.z)


def check_pytorch_agrees(subject: ActivationSubject) -> None:
    import torch

    from neatfool.cppn.torch_formulas import by_torch

    given = [torch.from_numpy(each).float() for each in (subject.z, *subject.reaches)]
    found = subject.made.at_points.evaluate(by_torch, given[0])
    subject.compare("PyTorch", found, _exact(subject, limited=False))
    limited = subject.made.within_reach.evaluate(by_torch, *given)
    subject.compare("PyTorch, with a band limit", limited, _exact(subject, limited=True))


def check_python_agrees(subject: ActivationSubject) -> None:
    values = np.array([subject.made.scalar(z) for z in subject.z.tolist()])
    subject.compare("neat-python", [values], _exact(subject, limited=False))


def check_compiled_code_agrees(subject: ActivationSubject) -> None:
    from neatfool.cppn import can_compile

    if not can_compile():
        raise SkipTest("numba does not work here")
    import numba

    from neatfool.cppn.draw.kernel import compile_activation

    loop, F = compile_activation(subject.made), np.float32  # noqa: N806 - as compiled code has it

    @numba.njit(error_model="numpy")
    def apply(tables: Any, sources: Any, factors: Any, limited: Any) -> None:
        loop(tables, sources, factors, F(0.0), 1, tables.shape[2], limited)

    given = np.stack([subject.z, *subject.reaches]).astype(F)
    terms = np.zeros(1, np.int32), np.ones(1, F)
    for limited in (None, True):
        tables = np.stack([given, given], 1)[: 3 if limited else 1].copy()
        apply(tables, *terms, limited)
        expected = _exact(subject, limited=bool(limited))
        subject.compare("compiled code", tables[:, 1].astype(float), expected)


def check_shaders_can_be_written(subject: ActivationSubject) -> None:
    from neatfool.cppn.draw.glsl import declare_activation

    with np.errstate(over="ignore"):
        text = declare_activation(subject.made.name)
    fault = "a number of the formula has no place in single precision, which shaders compute in"
    assert "inf" not in text and "nan" not in text, fault


def check_onnx_agrees(subject: ActivationSubject) -> None:
    from neatfool import cppn
    from neatfool.cppn.exchange.onnx_model import to_onnx

    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError as error:
        raise SkipTest(f"{error.name} is not installed") from None
    node = cppn.NodeGene(0, subject.made.name)
    terms = [cppn.ConnectionGene((-1, 0), subject.made.reach)]
    for limit in (0.0, 1.0):
        look = cppn.Look(4, 64, inputs="normalised", colour_map="grey", band_limit=limit)
        picture = cppn.Picture(cppn.Genome.of([node], terms), look)
        session = onnxruntime.InferenceSession(to_onnx(picture))
        (found,) = session.run(None, {"size": np.array([4, 64])})
        apart = np.abs(found.astype(int) - picture.pixels().astype(int)).max()
        assert apart <= 1, f"ONNX: a pixel differs by {apart} levels"


def check_slopes_and_gradients_are_derivatives(subject: ActivationSubject) -> None:
    import torch

    from neatfool.cppn.torch_formulas import by_torch

    activation, shape = subject.made, subject.z.shape
    # Not where a slope may jump, as at 0.
    given = [torch.from_numpy(each + 1e-4) for each in (subject.z, *subject.reaches)]
    given = [each.requires_grad_() for each in given]
    results = activation.within_reach.evaluate(by_torch, *given)
    assert all(torch.isfinite(torch.as_tensor(each)).all() for each in results), (
        "with a band limit, values or slopes are not finite"
    )
    ones = [torch.ones(shape, dtype=torch.float64)] * 3
    total = torch.stack([torch.as_tensor(each).sum() for each in results]).sum()
    expected = torch.autograd.grad(total, given)
    plain = [each.detach() for each in given]
    found = activation.backwards.evaluate(by_torch, *plain, *ones)
    subject.compare("gradients", [np.asarray(each) for each in found], expected, 1e-3)


def check_band_limit_gives_the_mean(subject: ActivationSubject) -> None:
    from neatfool.cppn.formulas import by_numpy

    activation, grid = subject.made, np.linspace(-5, 5, 2001)
    shares = np.exp(-0.5 * grid**2)
    shares /= shares.sum()
    z = np.linspace(-2, 2, 33) * activation.reach

    def value(places: np.ndarray) -> np.ndarray:
        return np.broadcast_to(activation.at_points.evaluate(by_numpy, places)[0], places.shape)

    size = np.ptp(value(z))
    for share in (0.01, 0.1, 0.5, 1.0, 4.0):
        deviation = share * activation.reach
        expected = value(z[:, None] + deviation * grid) @ shares
        found, *_ = activation.within_reach.evaluate(
            by_numpy, z, np.full_like(z, deviation), np.zeros_like(z)
        )
        apart = np.abs(np.broadcast_to(found, z.shape) - expected).max()
        fault = f"the mean of arguments that deviate by {deviation:g} is wrong by {apart:.2g}"
        advice = (
            "mend mean(xp, s, v), or leave it out; set reach to where the formula has its shape"
        )
        assert apart <= MEAN_ERROR * max(size, np.ptp(expected)), f"{fault}; {advice}"
