"""Suites that show whether a plugin keeps its contract.

An author subclasses :class:`TargetSuite`, :class:`EncodingSuite` or :class:`SchemeSuite` in a
test module, says how to make the plugin, and runs pytest::

    from neatfool.testing import TargetSuite

    class TestBright(TargetSuite):
        def make_target(self):
            return Bright(Options())

``neatfool plugins check NAME`` runs the same checks on an installed plugin, without pytest, by
:func:`check_registration`. Each check is a function that raises AssertionError with what was
expected, what came instead, and what to do. :func:`check_observer` lets an observer follow a
tiny run. Who tests a plugin by other means finds a tiny encoding, target and scheme here.
"""

from __future__ import annotations

from neatfool.testing.check import check_registration
from neatfool.testing.encoding_subject import COLOUR, GREY
from neatfool.testing.encoding_suite import EncodingSuite
from neatfool.testing.expectation import CheckResult
from neatfool.testing.observer_check import check_observer, check_observers
from neatfool.testing.scheme_suite import SchemeSuite
from neatfool.testing.target_suite import TargetSuite
from neatfool.testing.toys import TOY_SPEC, ToyEncoding, ToyScheme, ToyTarget

__all__ = [
    "COLOUR",
    "GREY",
    "TOY_SPEC",
    "CheckResult",
    "EncodingSuite",
    "SchemeSuite",
    "TargetSuite",
    "ToyEncoding",
    "ToyScheme",
    "ToyTarget",
    "check_observer",
    "check_observers",
    "check_registration",
]
