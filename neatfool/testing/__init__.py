"""Suites that show whether a plugin keeps its contract.

Subclass :class:`TargetSuite`, :class:`EncodingSuite`, :class:`SchemeSuite` or :class:`EngineSuite`
in a test module, say how to make the plugin, and run pytest::

    from neatfool.testing import TargetSuite

    class TestBright(TargetSuite):
        def make_target(self):
            return Bright(Options())

``neatfool plugins check NAME`` runs the same checks on an installed plugin, without pytest, through
:func:`check_registration`. Each check is a function that raises AssertionError with what it
expected, what it got, and what to do. :func:`check_observer` lets an observer follow a tiny run.
Use the tiny encoding, target and scheme in tests of your own.
"""

from __future__ import annotations

from neatfool.testing.check import check_registration
from neatfool.testing.encoding_subject import COLOUR, GREY
from neatfool.testing.encoding_suite import EncodingSuite
from neatfool.testing.engine_suite import EngineSuite
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
    "EngineSuite",
    "SchemeSuite",
    "TargetSuite",
    "ToyEncoding",
    "ToyScheme",
    "ToyTarget",
    "check_observer",
    "check_observers",
    "check_registration",
]
