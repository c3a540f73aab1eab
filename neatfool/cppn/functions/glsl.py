"""The functions of a CPPN in GLSL ES 3.00: the formulas of the plain renderer.

The gallery and exported shaders draw with them. GLSL's own sin, exp, log and tanh are too rough: a
deep network multiplies their errors. Those here err by a few units in the last place, on any GPU.
Their polynomials are those of the compiled renderer.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from neatfool.cppn.functions.activations import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neatfool.spec.json import Json

ELEMENTARY: Final = """\
#define NOT_A_NUMBER uintBitsToFloat(0x7fc00000u)

// isnan() may be optimised away; a look at the bits may not.
bool is_nan(float z) { return (floatBitsToUint(z) & 0x7fffffffu) > 0x7f800000u; }
bool is_infinite(float z) { return (floatBitsToUint(z) & 0x7fffffffu) == 0x7f800000u; }

float power_of_two(float k) { return intBitsToFloat((int(k) + 127) << 23); }

float sine_of_rest(float r, bool odd) {
  float s = r * r;
  float p = -0.1666666 + s * (0.008333065 + s * (-0.00019809474 + s * 2.6054813e-06));
  float value = r + (r * s) * p;
  return odd ? -value : value;
}

// Sizes up to 25,000: Cody and Waite's reduction, whose products are exact.
float small_sine(float z) {
  float k = floor(z * 0.318309886 + 0.5);
  float r = ((z - k * 3.140625) - k * 0.0009670257568359375) - k * 6.2771141529083251953e-07;
  r -= k * 1.2154201256553420762e-10;
  return sine_of_rest(r, (int(k) & 1) == 1);
}

const uint PER_PI[8] = uint[8](
  0u, 0x517cc1b7u, 0x27220a94u, 0xfe13abe8u, 0xfa9a6ee0u, 0x6db14accu, 0x9e21c820u, 0xff28b1d5u);

// Larger sizes: Payne and Hanek's reduction, by the bits of 1 / pi that matter.
float large_sine(float z) {
  uint bits = floatBitsToUint(abs(z));
  uint m = (bits & 0x7fffffu) | 0x800000u;
  uint at = (bits >> 23) - 150u + 31u;
  uint word = at >> 5, shift = at & 31u;
  uint high = PER_PI[word], low = PER_PI[word + 1u];
  if (shift > 0u) {
    high = (high << shift) | (low >> (32u - shift));
    low = (low << shift) | (PER_PI[word + 2u] >> (32u - shift));
  }
  uint m0 = m & 0xffffu, m1 = m >> 16, l0 = low & 0xffffu, l1 = low >> 16;
  uint t = m0 * l1 + ((m0 * l0) >> 16);
  uint u = (t & 0xffffu) + m1 * l0;
  uint turned = m * high + m1 * l1 + (t >> 16) + (u >> 16);
  bool odd = turned >= 0x80000000u;
  int rest = int((turned << 1) >> 1);
  if (rest >= 0x40000000) {
    rest -= 0x7fffffff;
    odd = !odd;
  }
  float value = sine_of_rest(float(rest) * 1.4629180792671596e-09, odd);
  return z < 0.0 ? -value : value;
}

float sine(float z) {
  if (abs(z) <= 25000.0) return small_sine(z);
  return is_infinite(z) || is_nan(z) ? NOT_A_NUMBER : large_sine(z);
}

// From -87 to 88.
float exponential(float z) {
  float k = floor(z * 1.44269504 + 0.5);
  float r = (z - k * 0.693359375) - k * -2.12194440e-4;
  float p = 0.041668456 + r * (0.008369419 + r * 0.0013813145);
  p = 0.49999994 + r * (0.16666515 + r * p);
  return (1.0 + (r + (r * r) * p)) * power_of_two(k);
}

// e to the power of -z for any z >= 0.
float decay(float z) { return z > 87.0 ? 0.0 : exponential(-z); }

// Of positive numbers that are normal, or infinite.
float logarithm(float z) {
  if (is_infinite(z)) return z;
  int bits = floatBitsToInt(z);
  int k = (bits - 0x3f3504f3) >> 23;
  float f = intBitsToFloat(bits - (k << 23)) - 1.0;
  float p = 0.14201757 + f * (-0.13160183 + f * (0.12761582 + f * -0.076345004));
  p = 0.3333333 + f * (-0.2500082 + f * (0.20001227 + f * (-0.16623357 + f * p)));
  float s = f * f;
  float value = (s * f) * p + float(k) * -2.12194440e-4;
  return (f + (value - 0.5 * s)) + float(k) * 0.693359375;
}

float hyperbolic_tangent(float z) {
  z = clamp(z, -9.02, 9.02);
  float s = z * z;
  float above = 3.4940259e-3 + s * (2.0583339e-5 + s * 1.3318875e-8);
  above = 0.99999998 + s * (0.13379711 + s * above);
  float below = 1.0 + s * (0.46713026 + s * (0.025871040 + s * (3.2830787e-4 + s * 7.7619389e-7)));
  return clamp(z * above / below, -1.0, 1.0);
}
"""

TRIANGLE: Final = """\
float triangle_of_rest(float z) {
  float rest = z - 4.0 * floor(z * 0.25 + 0.5);
  return 2.0 * clamp(rest, -1.0, 1.0) - rest;
}
"""

REDUCTIONS: Final = """\
float larger(float a, float b) { return is_nan(a) ? a : is_nan(b) ? b : max(a, b); }
float smaller(float a, float b) { return is_nan(a) ? a : is_nan(b) ? b : min(a, b); }
float larger_size(float best, float term) { return abs(term) > abs(best) ? term : best; }
void sort(inout float a, inout float b) {
  if (is_nan(a) ? !is_nan(b) : a > b) { float c = a; a = b; b = c; }
}
"""
"""Reductions go from a node's first term to its last, as the renderer's do, and keep NaN."""

COLOURS: Final = """\
float magnitude(float v) { return is_nan(v) ? 0.0 : min(abs(v), 1.0); }
vec3 pure(float hue) {
  float turn = hue * 6.0;
  return clamp(vec3(abs(turn - 3.0) - 1.0, 2.0 - abs(turn - 2.0), 2.0 - abs(turn - 4.0)), 0.0, 1.0);
}
vec3 from_hsv(float hue, float saturation, float value) {
  float chroma = saturation * value;
  return pure(hue) * chroma + (value - chroma);
}
float signed_hue(float v) { return is_nan(v) ? 0.5 : clamp((v + 1.0) * 0.5, 0.0, 1.0); }
vec3 from_hls(float hue, float lightness, float saturation) {
  float chroma = saturation * min(lightness, 1.0 - lightness);
  return pure(hue) * (chroma * 2.0) + (lightness - chroma);
}
"""

CALM: Final = 25_000
"""The largest argument for which ``calm_NAME`` is right."""

_VALUES: Final = {
    "sigmoid": "1.0 / (1.0 + exponential(clamp(-5.0 * z, -60.0, 60.0)))",
    "tanh": "hyperbolic_tangent(2.5 * z)",
    "sin": "small_sine(clamp(5.0 * z, -60.0, 60.0))",
    "gauss": "exponential(-5.0 * (clamp(z, -3.4, 3.4) * clamp(z, -3.4, 3.4)))",
    "relu": "max(z, 0.0)",
    "elu": "z > 0.0 ? z : decay(-z) - 1.0",
    "lelu": "z > 0.0 ? z : 0.005 * z",
    "selu": "(z > 0.0 ? z : (decay(-z) - 1.0) * 1.6732632423543772) * 1.0507009873554805",
    "softplus": "logarithm(1.0 + exponential(clamp(5.0 * z, -60.0, 60.0))) * 0.2",
    "identity": "z",
    "clamped": "clamp(z, -1.0, 1.0)",
    "inv": "z == 0.0 || is_infinite(z) ? 0.0 : 1.0 / z",
    "log": "logarithm(max(z, 1e-7))",
    "exp": "exponential(clamp(z, -60.0, 60.0))",
    "abs": "abs(z)",
    "hat": "max(1.0 - abs(z), 0.0)",
    "square": "z * z",
    "cube": "(z * z) * z",
    "paper_sine": "sine(z)",
    "paper_sigmoid": "hyperbolic_tangent(0.5 * z)",
    "paper_gaussian": "decay(z * z)",
    "paper_linear": "clamp(z, -3.0, 3.0) / 3.0",
    "paper_tanh": "hyperbolic_tangent(5.0 * z)",
    "triangle": "triangle_of_rest(clamp(z, -1e6, 1e6))",
}
"""The expression of each activation in z."""

_CALM_VALUES: Final = {"paper_sine": "small_sine(z)"}
"""Shorter expressions, for a z that is no NaN and at most ``CALM`` in size."""

COLOUR_MAPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "grey": "vec3(magnitude(a))",
        "rgb": "vec3(magnitude(a), magnitude(b), magnitude(c))",
        "hsv": "from_hsv(magnitude(a), magnitude(b), magnitude(c))",
        "hsv_signed_hue": "from_hsv(signed_hue(a), magnitude(b), magnitude(c))",
        "hls": "from_hls(magnitude(a), magnitude(b), magnitude(c))",
    }
)
"""The expression of each colour map in its outputs a, b and c: a vec3 from 0 to 1."""


def _declare(name: str) -> str:
    nan, value = ACTIVATIONS[name].nan, _VALUES[name]
    body = f"return is_nan(z) ? z : {value};"
    if nan is not None:
        body = f"if (is_nan(z)) z = {nan!r}; return {value};"
    return f"float act_{name}(float z) {{ {body} }}\n"


def _declare_calm(name: str) -> str:
    return f"float calm_{name}(float z) {{ return {_CALM_VALUES.get(name, _VALUES[name])}; }}\n"


DECLARATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {f"act_{name}": _declare(name) for name in ACTIVATIONS}
    | {f"calm_{name}": _declare_calm(name) for name in ACTIVATIONS}
)
"""The functions ``act_NAME`` and ``calm_NAME`` of each activation. The second is for arguments that
are no NaN and at most ``CALM`` in size, and makes shorter shaders."""

GLSL: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "ELEMENTARY": ELEMENTARY,
        "TRIANGLE": TRIANGLE,
        "REDUCTIONS": REDUCTIONS,
        "COLOURS": COLOURS,
        "COLOUR_MAPS": {**COLOUR_MAPS},
        "ACTIVATIONS": {**DECLARATIONS},
        "CALM": CALM,
    }
)
"""All of this, for other programs that write shaders: code, and the functions by name."""
