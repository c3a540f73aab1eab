"""Observers hear of events, and never end a run."""

import logging

import pytest

from neatfool import hookimpl
from neatfool.plugin.manager import PluginManager


def observers(*objects):
    manager = PluginManager()
    for number, observer in enumerate(objects):
        manager.register_object(observer, f"observer-{number}")
    return manager.observers()


class Recorder:
    def __init__(self):
        self.heard = []

    @hookimpl
    def neatfool_run_started(self, run):
        self.heard.append(("started", run))

    @hookimpl
    def neatfool_generation_done(self, report):
        self.heard.append(("done", report))

    @hookimpl
    def neatfool_elite_replaced(self, run, replacement):
        self.heard.append(("replaced", run, replacement))

    @hookimpl
    def neatfool_run_finished(self):
        self.heard.append(("finished",))


def raising(error):
    class Raising:
        calls = 0

        @hookimpl
        def neatfool_generation_done(self):
            self.calls += 1
            raise error

        @hookimpl
        def neatfool_run_finished(self):
            self.calls += 100

    return Raising()


def test_each_is_given_the_arguments_that_it_names():
    recorder = Recorder()
    told = observers(recorder)
    told.run_started("run")
    told.generation_done("run", "report")
    told.elite_replaced("run", "replacement")
    told.run_finished("run", "outcome")
    assert recorder.heard == [
        ("started", "run"),
        ("done", "report"),
        ("replaced", "run", "replacement"),
        ("finished",),
    ]


@pytest.mark.parametrize("error", [ValueError("oh no"), SystemExit(1)])
def test_one_that_fails_three_times_is_switched_off(error, caplog):
    failing, recorder = raising(error), Recorder()
    told = observers(recorder, failing)
    for generation in range(5):
        told.generation_done("run", generation)
    told.run_finished("run", "outcome")
    assert failing.calls == 3
    assert len(recorder.heard) == 6
    assert [record.name for record in caplog.records] == ["neatfool.observers"] * 3
    first, _, last = caplog.messages
    assert first.startswith("observer observer-1: neatfool_generation_done: ")
    assert f"{type(error).__name__}: {error}" in first
    assert "switched off" not in first
    assert "failed 3 times and is switched off" in last


def test_one_that_fails_now_and_then_is_kept():
    failing = raising(ValueError("oh no"))
    told = observers(failing)
    told.generation_done("run", 0)
    told.run_finished("run", "outcome")
    assert failing.calls == 101


def test_the_traceback_is_logged_where_debugging_is_on(caplog):
    told = observers(raising(ValueError("oh no")))
    told.generation_done("run", 0)
    with caplog.at_level(logging.DEBUG, "neatfool"):
        told.generation_done("run", 1)
    assert [bool(record.exc_info) for record in caplog.records] == [False, True]


def test_ctrl_c_passes():
    told = observers(raising(KeyboardInterrupt))
    for generation in range(4):
        with pytest.raises(KeyboardInterrupt):
            told.generation_done("run", generation)
