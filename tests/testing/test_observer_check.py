from __future__ import annotations

import pytest

from neatfool import PluginError, hookimpl
from neatfool.testing import SchemeSuite, ToyScheme, check_observer


class Witness:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told = []

    @hookimpl
    def neatfool_run_started(self, run):
        self.told.append(("started", len(run.history)))

    @hookimpl
    def neatfool_generation_done(self, run, report):
        self.told.append(("generation", report.generation))

    @hookimpl
    def neatfool_elite_replaced(self, replacement):
        self.told.append(("replaced", replacement.elite.class_index))

    @hookimpl
    def neatfool_run_finished(self, run, outcome):
        assert all(elite.png.startswith(b"\x89PNG") for elite in run.elites)
        self.told.append(("finished", outcome.generation))


def test_an_observer_follows_a_run_and_its_resumption() -> None:
    witness = Witness()
    results = check_observer(witness)
    assert [(result.name, result.passed) for result in results] == [
        ("follows a run", True),
        ("follows a resumed run", True),
    ]
    milestones = [event for event in witness.told if event[0] != "replaced"]
    assert milestones == [
        ("started", 0),
        ("generation", 0),
        ("generation", 1),
        ("generation", 2),
        ("finished", 2),
        ("started", 3),
        ("generation", 3),
        ("generation", 4),
        ("finished", 4),
    ]
    assert ("replaced", 0) in witness.told


def test_an_observer_that_raises_is_found() -> None:
    class Broken:
        @hookimpl
        def neatfool_generation_done(self, report):
            raise KeyError("median_confidence")

    begun, _ = check_observer(Broken())
    assert not begun.passed
    assert "neatfool_generation_done: KeyError: 'median_confidence'" in begun.message


def test_an_observer_that_cannot_be_resumed_is_found() -> None:
    class OnlyNew:
        @hookimpl
        def neatfool_run_started(self, run):
            assert not run.history, "has a history"

    begun, resumed = check_observer(OnlyNew())
    assert begun.passed
    assert not resumed.passed
    assert "has a history" in resumed.message


def test_a_misspelt_hook_is_an_error() -> None:
    class Misspelt:
        @hookimpl
        def neatfool_generation_over(self, report):
            pass

    with pytest.raises(PluginError, match="neatfool_generation_done"):
        check_observer(Misspelt())


class TestToyScheme(SchemeSuite):
    def make_scheme(self, encoding, spec, seed):
        return ToyScheme(encoding, spec, seed)
