import pytest

from neatfool import hookimpl
from neatfool.testing import check_plugin


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


def test_an_observer_follows_a_run_and_its_resumption():
    witness = Witness()
    check_plugin("observer", lambda: witness)
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


def test_an_observer_that_raises_is_found():
    class Broken:
        @hookimpl
        def neatfool_generation_done(self, report):
            raise KeyError("median_confidence")

    with pytest.raises(
        AssertionError,
        match=r"^follows a run: .*neatfool_generation_done: KeyError: 'median_confidence'",
    ):
        check_plugin("observer", Broken)


def test_an_observer_that_cannot_be_resumed_is_found():
    class OnlyNew:
        @hookimpl
        def neatfool_run_started(self, run):
            assert not run.history, "has a history"

    with pytest.raises(AssertionError, match=r"^follows a resumed run: .*has a history"):
        check_plugin("observer", OnlyNew)
