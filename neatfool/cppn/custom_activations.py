"""Activations that plugins and programs add to neatfool's own, each a formula of somebody else."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from inspect import signature
from typing import Any, Final

import numpy as np

from neatfool.cppn.activations import ACTIVATIONS, BUILT_IN, Activation, Mean, enter
from neatfool.cppn.derivatives import differentiate
from neatfool.cppn.formulas import (
    WAVE_LIMIT,
    Expression,
    Recorder,
    Symbol,
    Trace,
    by_numpy,
)
from neatfool.cppn.means import Formula, mean_of
from neatfool.errors import PluginError, cause

FUNCTIONS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("absolute", "cos", "exp", "round", "rsqrt", "sin", "sqrt", "step", "tanh"), 1),
    **{"maximum": 2, "minimum": 2, "clip": 3},
}
"""The functions of ``xp`` that a formula of a plugin may call, with the number of arguments."""
USABLE: Final = (
    f"use +, -, *, /, ** (a whole number), abs() and, of xp, {', '.join(sorted(FUNCTIONS))}"
)
"""What a formula may use, for messages and the documentation."""
_POWERS: Final = [10.0**n for n in range(-6, 5)] + [WAVE_LIMIT]
_ARGUMENTS: Final = np.array(
    [*np.linspace(-20, 20, 801), *_POWERS, *(-z for z in _POWERS)], np.float32
)


class Functions:
    """The ``xp`` of a plugin's formula: :data:`FUNCTIONS`, and nothing else."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give a function."""
        if name not in FUNCTIONS:
            raise AttributeError(f"xp has no {name!r}")
        function: Callable[..., Any] = getattr(self._recorder, name)

        def call(*given: Any) -> Any:
            if len(given) != FUNCTIONS[name]:
                raise TypeError(f"xp.{name} takes {FUNCTIONS[name]} arguments, not {len(given)}")
            if name in ("sin", "cos"):
                given = (self._recorder.clip(given[0], -WAVE_LIMIT, WAVE_LIMIT),)
            # torch compares a tensor with a number, but not a number with a tensor.
            if name in ("maximum", "minimum") and not isinstance(given[0], Symbol):
                given = given[::-1]
            return function(*given)

        return call


def add_activation(
    name: str,
    formula: Formula,
    *,
    mean: Mean | None = None,
    colour: str = "#b0642f",
    reach: float = 2.0,
    source: str = "neatfool.cppn.add_activation",
) -> Activation:
    """Add an activation to those that genomes of this process may name.

    Everything that draws follows from the formula: PyTorch, compiled code, CUDA, GLSL, ONNX, and
    gradients. For example::

        cppn.add_activation("ripple", lambda xp, z: xp.sin(z) * xp.exp(-z * z))

    Args:
        name: Its name in genomes and experiments: small letters, figures and underscores.
        formula: Called once as ``formula(xp, z)``. It may use Python's operators and the functions
            of ``xp``: absolute, clip, cos, exp, maximum, minimum, round, rsqrt, sin, sqrt, step and
            tanh. Arguments beyond ±25,000 count as ±25,000.
        mean: Its mean under a band limit, if you know a closed form: ``mean(xp, s, v)``, with the
            mean and the variance of normally distributed arguments. If absent, one is fitted to the
            formula, within about a tenth of its range.
        colour: ``#rrggbb``, of its discs in drawings of networks.
        reach: Drawings of networks show its curve from -reach to reach, which should be where it
            has its shape.
        source: Who offers it, for runs and messages.

    Returns:
        The activation; the one that is there, if it is the same.

    Raises:
        PluginError: The name is taken or cannot be one, or the formula uses what it may not, does
            not depend on its argument, or gives what is not finite.
    """
    who = f"activation {name!r} ({source})"
    _check_name(name, who)
    _check_look(colour, reach, who)
    guarded = _guarded(formula, mean, reach, who)
    at_points, trace = _check_numbers(guarded, who), Trace(2)
    own = trace.formula([guarded(trace, *trace.given)]) if mean else None
    fingerprint = sha256(repr((name, at_points, own)).encode()).hexdigest()[:16]
    made = Activation(name, guarded, colour, reach, source, fingerprint)
    if name in ACTIVATIONS:
        if ACTIVATIONS[name].fingerprint != made.fingerprint:
            there = f"this process has another formula of that name, of {ACTIVATIONS[name].source}"
            raise PluginError(f"{who}: {there}; rename one, or start Python anew")
        return ACTIVATIONS[name]
    enter(made)
    return made


def offer_activation(
    source: str, name: str, formula: Formula, **look: Any
) -> Callable[[], Activation]:
    """Check the arguments of ``register``; give what adds the activation when it is named."""
    _check_name(name, f"{source}: register({name!r}, ...)")
    signature(add_activation).bind(name, formula, **look)
    return partial(add_activation, name, formula, source=source, **look)


def _check_name(name: str, who: str) -> None:
    fault = ""
    if name in BUILT_IN:
        fault = "neatfool has an activation of that name; choose another"
    elif not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        fault = "a name has small letters, figures and single underscores, and begins with a letter"
    if fault:
        raise PluginError(f"{who}: {fault}")


def _guarded(formula: Formula, mean: Mean | None, reach: float, who: str) -> Mean:
    """Make the mean of a formula that somebody else wrote; say in an error who did."""

    def within_limits(xp: Any, z: Any) -> Any:
        return formula(Functions(xp), xp.clip(z, -WAVE_LIMIT, WAVE_LIMIT))

    fitted = mean_of(within_limits, reach)

    def guarded(xp: Any, s: Any, v: Any) -> Any:
        try:
            if v == 0.0:
                found = within_limits(xp, s)
            elif mean is None:
                found = fitted(xp, s, v)
            else:
                found = mean(Functions(xp), xp.clip(s, -WAVE_LIMIT, WAVE_LIMIT), v)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{who}: {cause(error)}; {USABLE}") from error
        if not isinstance(found, Symbol):
            fault = f"gives {found!r}, which does not depend on its argument"
            raise PluginError(f"{who}: the formula {fault}; {USABLE}")
        return found

    return guarded


def _check_look(colour: object, reach: object, who: str) -> None:
    if not re.fullmatch("#[0-9a-f]{6}", str(colour)):
        raise PluginError(f"{who}: the colour is {colour!r}; write it as '#b0642f'")
    if not (isinstance(reach, float | int) and 0 < reach <= WAVE_LIMIT):
        raise PluginError(f"{who}: the reach is {reach!r}; give a number above 0")


def _check_numbers(formula: Mean, who: str) -> Expression:
    """Check that values and slopes are finite, in single precision; give the recorded formula."""
    trace = Trace(1)
    value = formula(trace, trace.given[0], 0.0)
    recorded = trace.formula([value, *differentiate(trace, [(value, 1.0)], trace.given)])
    numbers = [n for _, inputs in recorded.steps for n in inputs if isinstance(n, float)]
    if large := [n for n in numbers if not abs(n) <= np.finfo(np.float32).max]:
        raise PluginError(f"{who}: single precision, which draws, has no number {large[0]:g}")
    with np.errstate(all="ignore"):
        found = recorded.evaluate(by_numpy, _ARGUMENTS)
    for what, results in zip(("value", "slope"), found, strict=True):
        finite = np.isfinite(np.broadcast_to(results, _ARGUMENTS.shape))
        if not finite.all():
            place = np.argmin(finite)
            fault = f"its {what} at z = {_ARGUMENTS[place]:g} is {results[place]:g}"
            advice = "clip the argument, or add a small number where a divisor or root may be 0"
            raise PluginError(f"{who}: {fault}; {advice}")
    return recorded
