"""The activations, compiled: the value and the slope of each.

They are those of :mod:`neatfool.cppn.functions.activations`, also for NaN: clamping turns NaN into
the upper limit, as in Python.

The entry of an activation in ``FORMS`` makes all its compiled functions: a loop that applies it to
a weighted sum, a loop that turns arguments into slopes, and the choice between the loops.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from neatfool.compiling import inlined, inner, make_switch
from neatfool.cppn.compiled.elementary import (
    SINE_LIMIT,
    clamp,
    decay,
    log,
    moderate_exp,
    sine,
    tanh,
    tanh_of_half,
)
from neatfool.cppn.compiled.lanes import (
    LANES,
    any_beyond,
    larger,
    load,
    size_of,
    spread,
    store,
    where_equal,
    where_larger,
)
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.genome.flat import COMMON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = np.float32
_ZERO, _ONE, _TWO, _FIVE, _SIXTY = F(0.0), F(1.0), F(2.0), F(5.0), F(60.0)
_RIGHT_ANGLE: Final = F(np.pi / 2)
_SELU_SCALE: Final = F(1.0507009873554804934193349852946)
_SELU_ALPHA: Final = F(1.6732632423543772848170429916717)
_SELU_DEPTH: Final = F(1.0507009873554804934193349852946 * 1.6732632423543772848170429916717)


class Form(NamedTuple):
    """The compiled form of an activation.

    Attributes:
        value: The activation of lanes z, without a branch.
        slope: The derivative, given two numbers: z, and the value v there, as either may be
            simpler. At a corner it is one of the two slopes.
        limit: The largest size of z for which ``value`` is right.
        beyond: The activation of a number that is NaN or larger than the limit.
    """

    value: Callable[[F], F]
    slope: Callable[[F, F], F]
    limit: F | None = None
    beyond: Callable[[F], F] | None = None


@inlined
def _negative_exp(z: F) -> F:
    """Give e to the power of z, for z up to 0; NaN is NaN."""
    return moderate_exp(larger(F(-87.0), z))


@inlined
def _square(z: F) -> F:
    return z * z


@inlined
def _sign(z: F) -> F:
    return _ONE if z > _ZERO else (-_ONE if z < _ZERO else _ZERO)


@inner
def _large_sine(z: F) -> F:
    """Give the sine of a number of any size; for large ones with the system's library."""
    if abs(z) <= SINE_LIMIT:
        return sine(z)
    return F(math.sin(np.float64(z))) if abs(z) < F(np.inf) else F(np.nan)


@inlined
def _triangle_rest(z: F) -> F:
    """Give the distance of z, up to 1e6 in size, from the nearest multiple of 4."""
    turned = z * F(0.25) + F(1.5 * 2**23)  # rounds to an integer
    return z - F(4.0) * (turned - F(1.5 * 2**23))


@inlined
def _triangle(z: F) -> F:
    rest = _triangle_rest(clamp(z, F(-1e6), F(1e6)))
    return _TWO * clamp(rest, -_ONE, _ONE) - rest


# ruff: noqa: PLW0108
# Some lambdas only pass z on, as numba compiles no function twice.
FORMS: Final[Mapping[str, Form]] = {
    "sigmoid": Form(
        lambda z: _ONE / (_ONE + moderate_exp(-clamp(_FIVE * z, -_SIXTY, _SIXTY))),
        lambda z, v: _FIVE * v * (_ONE - v),
    ),
    "tanh": Form(
        lambda z: tanh(clamp(F(2.5) * z, -_SIXTY, _SIXTY)),
        lambda z, v: F(2.5) * (_ONE - v * v),
    ),
    "sin": Form(
        lambda z: sine(clamp(_FIVE * z, -_SIXTY, _SIXTY)),
        lambda z, v: _FIVE * sine(_FIVE * z + _RIGHT_ANGLE) if abs(z) < F(12.0) else _ZERO,
    ),
    "gauss": Form(
        lambda z: moderate_exp(-_FIVE * _square(clamp(z, F(-3.4), F(3.4)))),
        lambda z, v: F(-10.0) * z * v if abs(z) < F(3.4) else _ZERO,
    ),
    "relu": Form(
        lambda z: larger(z, _ZERO),
        lambda z, v: _ONE if z > _ZERO else _ZERO,
    ),
    "elu": Form(
        lambda z: where_larger(z, _ZERO, z, _negative_exp(z) - _ONE),
        lambda z, v: _ONE if z > _ZERO else v + _ONE,
    ),
    "lelu": Form(
        lambda z: where_larger(z, _ZERO, z, F(0.005) * z),
        lambda z, v: _ONE if z > _ZERO else F(0.005),
    ),
    "selu": Form(
        lambda z: _SELU_SCALE * where_larger(z, _ZERO, z, _SELU_ALPHA * (_negative_exp(z) - _ONE)),
        lambda z, v: _SELU_SCALE if z > _ZERO else v + _SELU_DEPTH,
    ),
    "softplus": Form(
        lambda z: F(0.2) * log(_ONE + moderate_exp(clamp(_FIVE * z, -_SIXTY, _SIXTY))),
        lambda z, v: _ONE - moderate_exp(-_FIVE * v) if abs(z) < F(12.0) else _ZERO,
    ),
    "identity": Form(lambda z: z, lambda z, v: _ONE),
    "clamped": Form(
        lambda z: clamp(z, -_ONE, _ONE),
        lambda z, v: _ONE if abs(z) < _ONE else _ZERO,
    ),
    "inv": Form(lambda z: where_equal(z, _ZERO, _ZERO, _ONE / z), lambda z, v: -v * v),
    "log": Form(
        lambda z: log(larger(z, F(1e-7))),
        lambda z, v: _ONE / z if z > F(1e-7) else _ZERO,
    ),
    "exp": Form(
        lambda z: moderate_exp(clamp(z, -_SIXTY, _SIXTY)),
        lambda z, v: v if abs(z) < _SIXTY else _ZERO,
    ),
    "abs": Form(
        lambda z: size_of(z),
        lambda z, v: _sign(z),
    ),
    "hat": Form(
        lambda z: larger(_ONE - size_of(z), _ZERO),
        lambda z, v: _sign(-z) if v > _ZERO else _ZERO,
    ),
    "square": Form(lambda z: _square(z), lambda z, v: _TWO * z),
    "cube": Form(lambda z: (z * z) * z, lambda z, v: F(3.0) * z * z),
    "paper_sine": Form(
        lambda z: sine(z),
        lambda z, v: sine(z + _RIGHT_ANGLE) if abs(z) < SINE_LIMIT else _ZERO,
        limit=SINE_LIMIT,
        beyond=_large_sine,
    ),
    "paper_sigmoid": Form(lambda z: tanh_of_half(z), lambda z, v: F(0.5) * (_ONE - v * v)),
    "paper_gaussian": Form(
        lambda z: decay(z * z),
        # Far out, z * v would be infinity times 0.
        lambda z, v: -_TWO * z * v if v > _ZERO else _ZERO,
    ),
    "paper_linear": Form(
        lambda z: clamp(z, F(-3.0), F(3.0)) * F(1 / 3),
        lambda z, v: F(1 / 3) if abs(z) < F(3.0) else _ZERO,
    ),
    "paper_tanh": Form(lambda z: tanh(_FIVE * z), lambda z, v: _FIVE * (_ONE - v * v)),
    "triangle": Form(
        lambda z: _triangle(z),
        lambda z, v: _sign(_ONE - abs(_triangle_rest(z))) if abs(z) < F(1e6) else _ZERO,
    ),
}

# An activation's code is its place in both tables. Compiled code stays on the disk while this file
# stays the same, so this file must repeat the order.
assert list(FORMS) == list(ACTIVATIONS), [*FORMS.keys() ^ ACTIVATIONS.keys()]
IDENTITY: Final = list(FORMS).index("identity")


@inlined
def _add_up(values: np.ndarray, sources: np.ndarray, factors: np.ndarray, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return total


def _compile_values(name: str, form: Form) -> Callable[..., None]:
    """Compile the loop that :func:`activate` runs for an activation."""
    value = inlined(form.value, f"{name}_value")
    limit, beyond = form.limit, form.beyond

    def loop(
        values: np.ndarray,
        sources: np.ndarray,
        factors: np.ndarray,
        bias: F,
        out: np.ndarray,
        row: int,
        width: int,
    ) -> None:
        for start in range(0, width, LANES):
            z = _add_up(values, sources, factors, bias, start)
            store(out, row, start, value(z))
            if beyond is not None and any_beyond(z, limit):
                store(out, row, start, z)
                for i in range(start, start + LANES):
                    out[row, i] = beyond(out[row, i])

    return inner(loop, f"{name}_values")


def _compile_slopes(name: str, form: Form) -> Callable[..., None]:
    """Compile the loop that :func:`differentiate` runs for an activation."""
    slope = inner(form.slope, f"{name}_slope")

    def loop(arguments: np.ndarray, values: np.ndarray) -> None:
        for i in range(len(arguments)):
            arguments[i] = slope(arguments[i], values[i])

    return inner(loop, f"{name}_slopes")


_VALUES = {code: _compile_values(*each) for code, each in enumerate(FORMS.items())}
_run_values = make_switch(_VALUES)
_run_common_values = make_switch({code: _VALUES[code] for code in COMMON})
_run_slopes = make_switch({code: _compile_slopes(*each) for code, each in enumerate(FORMS.items())})


@inlined
def activate(
    code: int,
    values: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    bias: F,
    out: np.ndarray,
    row: int,
    width: int,
) -> None:
    """Apply an activation to a weighted sum.

    Args:
        code: Its place in ``ACTIVATIONS``.
        values: float32 [R, P], the rows of the inputs and others.
        sources: int32 [k], the row of each input.
        factors: float32 [k], the factor of each.
        bias: The float32 to add.
        out: float32 [S, P], to write to; it may be ``values``.
        row: The row to write. It may be an input's.
        width: The number of pixels, a multiple of ``LANES``.
    """
    _run_values(code, (values, sources, factors, bias, out, row, width))


@inlined
def activate_common(
    code: int,
    values: np.ndarray,
    sources: np.ndarray,
    factors: np.ndarray,
    bias: F,
    out: np.ndarray,
    row: int,
    width: int,
) -> None:
    """Apply one of the ``COMMON`` activations; else as :func:`activate`."""
    _run_common_values(code, (values, sources, factors, bias, out, row, width))


@inner
def differentiate(code: int, z: np.ndarray, v: np.ndarray) -> None:
    """Write the slopes of an activation over its arguments.

    Args:
        code: Its place in ``ACTIVATIONS``.
        z: float32 [P], the arguments.
        v: float32 [P], the values there.
    """
    _run_slopes(code, (z, v))
