"""Target http: how often a service is asked."""

from __future__ import annotations

import threading

import pytest

from neatfool_plugins.http.client.pacing import Pacer


def test_turns_are_given_at_the_rate_and_not_saved_up():
    pacer = Pacer(10, threading.Event())
    assert pacer.take_turn() == 0
    assert [round(pacer.take_turn(), 1) for _ in range(3)] == [0.1, 0.2, 0.3]
    pacer.hold(5)
    assert pacer.take_turn() == pytest.approx(5, abs=0.1)
