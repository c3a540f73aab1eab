"""Checks that show whether a plugin keeps its contract.

Call :func:`check_target`, :func:`check_encoding`, :func:`check_scheme`, :func:`check_engine` or
:func:`check_observer` in a test, and say how to make the plugin::

    from neatfool.testing import check_target

    def test_bright_keeps_the_contract_of_a_target():
        check_target(lambda: Bright(Options()))

It runs all checks, and raises AssertionError with a line for each that failed: what it expected,
what it got, and what to do. ``neatfool plugins check NAME`` runs the same checks on an installed
plugin, through :func:`check_registration`. Use the tiny encoding, target and scheme in tests of
your own.
"""

from __future__ import annotations

from neatfool.testing.check import (
    check_encoding,
    check_engine,
    check_observer,
    check_observers,
    check_registration,
    check_scheme,
    check_target,
)
from neatfool.testing.checking import CheckResult
from neatfool.testing.encoding_subject import COLOUR, GREY
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget

__all__ = [
    "COLOUR",
    "GREY",
    "TOY_SPEC",
    "CheckResult",
    "ToyEncoding",
    "ToyScheme",
    "ToyTarget",
    "check_encoding",
    "check_engine",
    "check_observer",
    "check_observers",
    "check_registration",
    "check_scheme",
    "check_target",
]
