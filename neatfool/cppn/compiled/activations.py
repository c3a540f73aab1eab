"""The activations, compiled: nodes that sum, from the values of their inputs to their own.

They are those of :mod:`neatfool.cppn.functions.activations`, NaN included: an argument is
clamped as Python clamps it, which takes NaN to the upper limit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

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
from neatfool.cppn.compiled.jit import inlined, inner
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

if TYPE_CHECKING:
    from collections.abc import Callable

F = np.float32
_ZERO, _ONE, _FIVE = F(0.0), F(1.0), F(5.0)
_SELU_SCALE: Final = F(1.0507009873554804934193349852946)
_SELU_ALPHA: Final = F(1.6732632423543772848170429916717)


@inlined
def _sigmoid(z: F) -> F:
    return _ONE / (_ONE + moderate_exp(-clamp(_FIVE * z, F(-60.0), F(60.0))))


@inlined
def _tanh(z: F) -> F:
    return tanh(clamp(F(2.5) * z, F(-60.0), F(60.0)))


@inlined
def _sin(z: F) -> F:
    return sine(clamp(_FIVE * z, F(-60.0), F(60.0)))


@inlined
def _gauss(z: F) -> F:
    z = clamp(z, F(-3.4), F(3.4))
    return moderate_exp(-_FIVE * (z * z))


@inlined
def _relu(z: F) -> F:
    return larger(z, _ZERO)


@inlined
def _negative_exp(z: F) -> F:
    """Give e to the power of z, for z up to 0; NaN is NaN."""
    return moderate_exp(larger(F(-87.0), z))


@inlined
def _elu(z: F) -> F:
    return where_larger(z, _ZERO, z, _negative_exp(z) - _ONE)


@inlined
def _lelu(z: F) -> F:
    return where_larger(z, _ZERO, z, F(0.005) * z)


@inlined
def _selu(z: F) -> F:
    return _SELU_SCALE * where_larger(z, _ZERO, z, _SELU_ALPHA * (_negative_exp(z) - _ONE))


@inlined
def _softplus(z: F) -> F:
    return F(0.2) * log(_ONE + moderate_exp(clamp(_FIVE * z, F(-60.0), F(60.0))))


@inlined
def _identity(z: F) -> F:
    return z


@inlined
def _clamped(z: F) -> F:
    return clamp(z, -_ONE, _ONE)


@inlined
def _inv(z: F) -> F:
    return where_equal(z, _ZERO, _ZERO, _ONE / z)


@inlined
def _log(z: F) -> F:
    return log(larger(z, F(1e-7)))


@inlined
def _exp(z: F) -> F:
    return moderate_exp(clamp(z, F(-60.0), F(60.0)))


@inlined
def _abs(z: F) -> F:
    return size_of(z)


@inlined
def _hat(z: F) -> F:
    return _relu(_ONE - size_of(z))


@inlined
def _square(z: F) -> F:
    return z * z


@inlined
def _cube(z: F) -> F:
    return (z * z) * z


@inner
def _any_sine(z: F) -> F:
    """Give the sine of a number of any size, the larger ones as the processor's library has it."""
    if abs(z) <= SINE_LIMIT:
        return sine(z)
    return F(math.sin(np.float64(z))) if abs(z) < F(np.inf) else F(np.nan)


@inlined
def _paper_sigmoid(z: F) -> F:
    return tanh_of_half(z)


@inlined
def _paper_gaussian(z: F) -> F:
    return decay(z * z)


@inlined
def _paper_linear(z: F) -> F:
    return clamp(z, F(-3.0), F(3.0)) * F(1 / 3)


@inlined
def _paper_tanh(z: F) -> F:
    return tanh(_FIVE * z)


@inlined
def _add_up(values: np.ndarray, sources: np.ndarray, factors: np.ndarray, bias: F, start: int) -> F:
    total = spread(bias)
    for term in range(len(sources)):
        total = total + load(values, sources[term], start) * factors[term]
    return total


def _over(function: Callable[[F], F]) -> Callable[..., None]:
    """Make a loop of a function, as :func:`activate` describes it."""

    @inner
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
            store(out, row, start, function(z))

    return loop


@inner
def _paper_sines(
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
        store(out, row, start, sine(z))
        if any_beyond(z, SINE_LIMIT):
            store(out, row, start, z)
            for i in range(start, start + LANES):
                out[row, i] = _any_sine(out[row, i])


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
IDENTITY: Final = 9
assert " ".join(ACTIVATIONS) == (
    "sigmoid tanh sin gauss relu elu lelu selu softplus identity clamped inv log exp abs hat "
    "square cube paper_sine paper_sigmoid paper_gaussian paper_linear paper_tanh"
)


@inlined
def activate(  # noqa: PLR0912
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
        code: Which: its place in ``ACTIVATIONS``.
        values: float32 [R, P], the rows that the inputs are among.
        sources: int32 [k], the row of each input.
        factors: float32 [k], what each is multiplied by.
        bias: What is added, of float32.
        out: float32 [S, P], to write to; it may be ``values``.
        row: Which row of it. It may be an input.
        width: How many pixels to do, a multiple of ``LANES``.
    """
    if code < 9:
        if code == 0:
            _sigmoids(values, sources, factors, bias, out, row, width)
        elif code == 1:
            _tanhs(values, sources, factors, bias, out, row, width)
        elif code == 2:
            _sins(values, sources, factors, bias, out, row, width)
        elif code == 3:
            _gausses(values, sources, factors, bias, out, row, width)
        elif code == 4:
            _relus(values, sources, factors, bias, out, row, width)
        elif code == 5:
            _elus(values, sources, factors, bias, out, row, width)
        elif code == 6:
            _lelus(values, sources, factors, bias, out, row, width)
        elif code == 7:
            _selus(values, sources, factors, bias, out, row, width)
        else:
            _softpluses(values, sources, factors, bias, out, row, width)
    elif code < 18:
        if code == 9:
            _identities(values, sources, factors, bias, out, row, width)
        elif code == 10:
            _clampeds(values, sources, factors, bias, out, row, width)
        elif code == 11:
            _invs(values, sources, factors, bias, out, row, width)
        elif code == 12:
            _logs(values, sources, factors, bias, out, row, width)
        elif code == 13:
            _exps(values, sources, factors, bias, out, row, width)
        elif code == 14:
            _abses(values, sources, factors, bias, out, row, width)
        elif code == 15:
            _hats(values, sources, factors, bias, out, row, width)
        elif code == 16:
            _squares(values, sources, factors, bias, out, row, width)
        else:
            _cubes(values, sources, factors, bias, out, row, width)
    elif code == 18:
        _paper_sines(values, sources, factors, bias, out, row, width)
    elif code == 19:
        _paper_sigmoids(values, sources, factors, bias, out, row, width)
    elif code == 20:
        _paper_gaussians(values, sources, factors, bias, out, row, width)
    elif code == 21:
        _paper_linears(values, sources, factors, bias, out, row, width)
    else:
        _paper_tanhs(values, sources, factors, bias, out, row, width)
