"""Pausing and stopping a run."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from waiting import wait_until

from neatfool_plugins.watch.feed import RunControl


def test_a_pause_holds_until_it_is_ended() -> None:
    control = RunControl()
    control.hold()
    assert control.state == "running"
    control.pause()
    assert control.state == "pausing"
    held = threading.Thread(target=control.hold)
    held.start()
    wait_until(lambda: control.state == "paused")
    assert held.is_alive()
    control.go_on()
    held.join(10)
    assert not held.is_alive()
    assert control.state == "running"


def test_ctrl_c_ends_a_pause_and_does_what_it_does_elsewhere() -> None:
    control, noticed = RunControl(), []
    before = signal.signal(signal.SIGINT, lambda *_: noticed.append("Ctrl-C"))

    def press() -> None:
        wait_until(lambda: control.state == "paused")
        os.kill(os.getpid(), signal.SIGINT)

    try:
        control.pause()
        threading.Thread(target=press).start()
        control.hold()
        assert noticed == ["Ctrl-C"]
        signal.raise_signal(signal.SIGINT)
        assert noticed == ["Ctrl-C", "Ctrl-C"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_stop_ends_a_pause_and_interrupts() -> None:
    control = RunControl()
    control.pause()
    control.stop()
    assert control.state == "stopping"
    with pytest.raises(KeyboardInterrupt):
        control.hold()


def test_a_stop_in_another_thread_leaves_the_main_one_alone() -> None:
    control, ended = RunControl(), []

    def run() -> None:
        try:
            control.hold()
        except KeyboardInterrupt:
            ended.append("interrupted")

    control.stop()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ended == ["interrupted"]
