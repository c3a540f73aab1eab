"""The slopes of the activations, compiled: how a value changes with its argument.

Each is given the argument z and the activation's value v there, of which one or the other says it
more simply. Where an activation has a corner it is one of the two slopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.cppn.compiled.elementary import SINE_LIMIT, moderate_exp, sine
from neatfool.cppn.compiled.jit import inner
from neatfool.cppn.functions.activations import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

F = np.float32
_ZERO, _ONE, _TWO, _FIVE = F(0.0), F(1.0), F(2.0), F(5.0)
_RIGHT_ANGLE: Final = F(np.pi / 2)
_SELU_SCALE: Final = F(1.0507009873554804934193349852946)
_SELU_DEPTH: Final = F(1.0507009873554804934193349852946 * 1.6732632423543772848170429916717)


@inner
def _sigmoid(z: F, v: F) -> F:
    return _FIVE * v * (_ONE - v)


@inner
def _tanh(z: F, v: F) -> F:
    return F(2.5) * (_ONE - v * v)


@inner
def _sin(z: F, v: F) -> F:
    return _FIVE * sine(_FIVE * z + _RIGHT_ANGLE) if abs(z) < F(12.0) else _ZERO


@inner
def _gauss(z: F, v: F) -> F:
    return F(-10.0) * z * v if abs(z) < F(3.4) else _ZERO


@inner
def _relu(z: F, v: F) -> F:
    return _ONE if z > _ZERO else _ZERO


@inner
def _elu(z: F, v: F) -> F:
    return _ONE if z > _ZERO else v + _ONE


@inner
def _lelu(z: F, v: F) -> F:
    return _ONE if z > _ZERO else F(0.005)


@inner
def _selu(z: F, v: F) -> F:
    return _SELU_SCALE if z > _ZERO else v + _SELU_DEPTH


@inner
def _softplus(z: F, v: F) -> F:
    return _ONE - moderate_exp(-_FIVE * v) if abs(z) < F(12.0) else _ZERO


@inner
def _identity(z: F, v: F) -> F:
    return _ONE


@inner
def _clamped(z: F, v: F) -> F:
    return _ONE if abs(z) < _ONE else _ZERO


@inner
def _inv(z: F, v: F) -> F:
    return -v * v


@inner
def _log(z: F, v: F) -> F:
    return _ONE / z if z > F(1e-7) else _ZERO


@inner
def _exp(z: F, v: F) -> F:
    return v if abs(z) < F(60.0) else _ZERO


@inner
def _abs(z: F, v: F) -> F:
    return _ONE if z > _ZERO else (-_ONE if z < _ZERO else _ZERO)


@inner
def _hat(z: F, v: F) -> F:
    if v > _ZERO:
        return -_ONE if z > _ZERO else (_ONE if z < _ZERO else _ZERO)
    return _ZERO


@inner
def _square(z: F, v: F) -> F:
    return _TWO * z


@inner
def _cube(z: F, v: F) -> F:
    return F(3.0) * z * z


@inner
def _paper_sine(z: F, v: F) -> F:
    return sine(z + _RIGHT_ANGLE) if abs(z) < SINE_LIMIT else _ZERO


@inner
def _paper_sigmoid(z: F, v: F) -> F:
    return F(0.5) * (_ONE - v * v)


@inner
def _paper_gaussian(z: F, v: F) -> F:
    # Far out 0 times infinity.
    return -_TWO * z * v if v > _ZERO else _ZERO


@inner
def _paper_linear(z: F, v: F) -> F:
    return F(1 / 3) if abs(z) < F(3.0) else _ZERO


@inner
def _paper_tanh(z: F, v: F) -> F:
    return _FIVE * (_ONE - v * v)


def _over(function: Callable[[F, F], F]) -> Callable[[np.ndarray, np.ndarray], None]:
    """Make a loop of a function: each argument becomes the slope there."""

    @inner
    def loop(arguments: np.ndarray, values: np.ndarray) -> None:
        for i in range(len(arguments)):
            arguments[i] = function(arguments[i], values[i])

    return loop


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
_paper_sines = _over(_paper_sine)
_paper_sigmoids = _over(_paper_sigmoid)
_paper_gaussians = _over(_paper_gaussian)
_paper_linears = _over(_paper_linear)
_paper_tanhs = _over(_paper_tanh)

# differentiate() goes by their order.
assert " ".join(ACTIVATIONS) == (
    "sigmoid tanh sin gauss relu elu lelu selu softplus identity clamped inv log exp abs hat "
    "square cube paper_sine paper_sigmoid paper_gaussian paper_linear paper_tanh"
)


@inner
def differentiate(code: int, z: np.ndarray, v: np.ndarray) -> None:  # noqa: PLR0912
    """Write the slopes of an activation over its arguments.

    Args:
        code: Which: its place in ``ACTIVATIONS``.
        z: float32 [P], the arguments.
        v: float32 [P], the values there.
    """
    if code < 9:
        if code == 0:
            _sigmoids(z, v)
        elif code == 1:
            _tanhs(z, v)
        elif code == 2:
            _sins(z, v)
        elif code == 3:
            _gausses(z, v)
        elif code == 4:
            _relus(z, v)
        elif code == 5:
            _elus(z, v)
        elif code == 6:
            _lelus(z, v)
        elif code == 7:
            _selus(z, v)
        else:
            _softpluses(z, v)
    elif code < 18:
        if code == 9:
            _identities(z, v)
        elif code == 10:
            _clampeds(z, v)
        elif code == 11:
            _invs(z, v)
        elif code == 12:
            _logs(z, v)
        elif code == 13:
            _exps(z, v)
        elif code == 14:
            _abses(z, v)
        elif code == 15:
            _hats(z, v)
        elif code == 16:
            _squares(z, v)
        else:
            _cubes(z, v)
    elif code == 18:
        _paper_sines(z, v)
    elif code == 19:
        _paper_sigmoids(z, v)
    elif code == 20:
        _paper_gaussians(z, v)
    elif code == 21:
        _paper_linears(z, v)
    else:
        _paper_tanhs(z, v)
