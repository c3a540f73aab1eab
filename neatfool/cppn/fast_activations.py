"""The activations, compiled: each a loop over the pixels of a tile.

They are those of :mod:`neatfool.cppn.activations`, NaN included: an argument is clamped as Python
clamps it, which takes NaN to the upper limit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.fast_math import SINE_LIMIT, clamp, exp, log, moderate_exp, sine, tanh
from neatfool.cppn.jit import bits_of, inner

if TYPE_CHECKING:
    from collections.abc import Callable

F = np.float32
I = np.int32  # noqa: E741
_ZERO, _ONE, _FIVE = F(0.0), F(1.0), F(5.0)
_SELU_SCALE: Final = F(1.0507009873554804934193349852946)
_SELU_ALPHA: Final = F(1.6732632423543772848170429916717)
_SIZE: Final = I(0x7FFFFFFF)
_SINE_LIMIT: Final = SINE_LIMIT.view(I)


@inner
def _sigmoid(z: F) -> F:
    return _ONE / (_ONE + moderate_exp(-clamp(_FIVE * z, F(-60.0), F(60.0))))


@inner
def _tanh(z: F) -> F:
    return tanh(clamp(F(2.5) * z, F(-60.0), F(60.0)))


@inner
def _sin(z: F) -> F:
    return sine(clamp(_FIVE * z, F(-60.0), F(60.0)))


@inner
def _gauss(z: F) -> F:
    z = clamp(z, F(-3.4), F(3.4))
    return moderate_exp(-_FIVE * (z * z))


@inner
def _relu(z: F) -> F:
    return z if z > _ZERO else _ZERO


@inner
def _elu(z: F) -> F:
    return z if z > _ZERO else exp(z) - _ONE


@inner
def _lelu(z: F) -> F:
    return z if z > _ZERO else F(0.005) * z


@inner
def _selu(z: F) -> F:
    return _SELU_SCALE * (z if z > _ZERO else _SELU_ALPHA * (exp(z) - _ONE))


@inner
def _softplus(z: F) -> F:
    return F(0.2) * log(_ONE + moderate_exp(clamp(_FIVE * z, F(-60.0), F(60.0))))


@inner
def _identity(z: F) -> F:
    return z


@inner
def _clamped(z: F) -> F:
    return clamp(z, -_ONE, _ONE)


@inner
def _inv(z: F) -> F:
    return _ZERO if z == _ZERO else _ONE / z


@inner
def _log(z: F) -> F:
    return log(z if z > F(1e-7) else F(1e-7))


@inner
def _exp(z: F) -> F:
    return moderate_exp(clamp(z, F(-60.0), F(60.0)))


@inner
def _abs(z: F) -> F:
    return abs(z)


@inner
def _hat(z: F) -> F:
    return _relu(_ONE - abs(z))


@inner
def _square(z: F) -> F:
    return z * z


@inner
def _cube(z: F) -> F:
    return (z * z) * z


@inner
def _any_sine(z: F) -> F:
    """Give the sine of a number of any size, as the processor's library has it."""
    return F(math.sin(np.float64(z))) if abs(z) < F(np.inf) else F(np.nan)


@inner
def _paper_sigmoid(z: F) -> F:
    return tanh(F(0.5) * z)


@inner
def _paper_gaussian(z: F) -> F:
    return exp(-(z * z))


@inner
def _paper_linear(z: F) -> F:
    return clamp(z, F(-3.0), F(3.0)) * F(1 / 3)


@inner
def _paper_tanh(z: F) -> F:
    return tanh(_FIVE * z)


def _over(function: Callable[[F], F]) -> Callable[[np.ndarray, F, F], None]:
    """Make a loop of a function: each z becomes function(z * scale + bias)."""

    @inner
    def loop(values: np.ndarray, scale: F, bias: F) -> None:
        for i in range(len(values)):
            values[i] = function(values[i] * scale + bias)

    return loop


@inner
def _over_paper_sine(values: np.ndarray, scale: F, bias: F) -> None:
    largest = I(0)
    for i in range(len(values)):
        z = values[i] * scale + bias
        values[i] = z
        # As an integer, whose maximum is vectorised; those of infinity and NaN are the largest.
        largest = max(largest, I(bits_of(z) & _SIZE))
    if largest <= _SINE_LIMIT:
        for i in range(len(values)):
            values[i] = sine(values[i])
        return
    for i in range(len(values)):
        z = values[i]
        values[i] = sine(z) if abs(z) <= SINE_LIMIT else _any_sine(z)


_sigmoids = _over(_sigmoid)
_tanhs = _over(_tanh)
_sins = _over(_sin)
_gausses = _over(_gauss)
_relus = _over(_relu)
_elus = _over(_elu)
_lelus = _over(_lelu)
_selus = _over(_selu)
_softpluses = _over(_softplus)
_identities = _over(_identity)
_clampeds = _over(_clamped)
_invs = _over(_inv)
_logs = _over(_log)
_exps = _over(_exp)
_abses = _over(_abs)
_hats = _over(_hat)
_squares = _over(_square)
_cubes = _over(_cube)
_paper_sigmoids = _over(_paper_sigmoid)
_paper_gaussians = _over(_paper_gaussian)
_paper_linears = _over(_paper_linear)
_paper_tanhs = _over(_paper_tanh)

# activate() goes by their order.
assert " ".join(ACTIVATIONS) == (
    "sigmoid tanh sin gauss relu elu lelu selu softplus identity clamped inv log exp abs hat "
    "square cube paper_sine paper_sigmoid paper_gaussian paper_linear paper_tanh"
)


@inner
def activate(code: int, values: np.ndarray, scale: F, bias: F) -> None:  # noqa: PLR0912
    """Apply an activation to scale * z + bias, in place.

    Args:
        code: Which: its place in ``ACTIVATIONS``.
        values: float32 [P], each z.
        scale: The factor, of float32.
        bias: The summand, of float32.
    """
    if code < 9:
        if code == 0:
            _sigmoids(values, scale, bias)
        elif code == 1:
            _tanhs(values, scale, bias)
        elif code == 2:
            _sins(values, scale, bias)
        elif code == 3:
            _gausses(values, scale, bias)
        elif code == 4:
            _relus(values, scale, bias)
        elif code == 5:
            _elus(values, scale, bias)
        elif code == 6:
            _lelus(values, scale, bias)
        elif code == 7:
            _selus(values, scale, bias)
        else:
            _softpluses(values, scale, bias)
    elif code < 18:
        if code == 9:
            _identities(values, scale, bias)
        elif code == 10:
            _clampeds(values, scale, bias)
        elif code == 11:
            _invs(values, scale, bias)
        elif code == 12:
            _logs(values, scale, bias)
        elif code == 13:
            _exps(values, scale, bias)
        elif code == 14:
            _abses(values, scale, bias)
        elif code == 15:
            _hats(values, scale, bias)
        elif code == 16:
            _squares(values, scale, bias)
        else:
            _cubes(values, scale, bias)
    elif code == 18:
        _over_paper_sine(values, scale, bias)
    elif code == 19:
        _paper_sigmoids(values, scale, bias)
    elif code == 20:
        _paper_gaussians(values, scale, bias)
    elif code == 21:
        _paper_linears(values, scale, bias)
    else:
        _paper_tanhs(values, scale, bias)
