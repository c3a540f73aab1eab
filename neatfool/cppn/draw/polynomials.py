"""The numbers behind elementary functions of single precision, for compiled code and for GLSL.

Each function reduces its argument to a small range and uses a polynomial there. The coefficients
minimise the largest relative error (Lawson's algorithm), which is a few units in the last place.
"""

from typing import Final

SINE: Final = (-0.1666666, 0.008333065, -0.00019809474, 2.6054813e-06)
"""sin(r) is r + r^3 p(r^2), for r from -pi/2 to pi/2."""

COSINE: Final = (0.041666657, -0.0013888569, 2.4769304e-05, -2.6193814e-07)
"""cos(r) is 1 - r^2 / 2 + r^4 p(r^2), for r from -pi/2 to pi/2."""

EXPONENTIAL: Final = (0.49999994, 0.16666515, 0.041668456, 0.008369419, 0.0013813145)
"""exp(r) is 1 + r + r^2 p(r), for r from -ln(2)/2 to ln(2)/2."""

LN2: Final = (0.693359375, -2.12194440e-4)
"""The natural logarithm of 2 in two parts. The first times a small integer is exact."""

LOGARITHM: Final = (0.66666776, 0.39977574, 0.29870926)
"""log(m) is 2 t + t^3 p(t^2) with t = (m - 1)/(m + 1), for m from the root of 1/2 to that of 2."""

ROOT_BITS: Final = 0x3F3504F3
"""The bits of the root of 1/2."""

TANH_ABOVE: Final = (0.99999998, 0.13379711, 3.4940259e-3, 2.0583339e-5, 1.3318875e-8)
TANH_BELOW: Final = (1.0, 0.46713026, 0.025871040, 3.2830787e-4, 7.7619389e-7)
"""tanh(z) is z p(z^2) / q(z^2), for z up to ``TANH_END``, where it reaches 1."""

TANH_END: Final = 9.02
EXPONENTIAL_ENDS: Final = (-87.0, 88.0)
"""The least and the largest argument of an exponential; those beyond count as these."""
