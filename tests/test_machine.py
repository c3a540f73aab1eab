from __future__ import annotations

import os

import pytest

from neatfool import machine
from neatfool.machine import BYTES_A_RUN, jobs_that_fit


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"),
    [(4, 100 * BYTES_A_RUN, 4), (16, 3 * BYTES_A_RUN - 1, 2), (16, BYTES_A_RUN // 2, 1)],
)
def test_so_many_runs_fit_as_there_are_cores_and_memory(cores, memory, jobs, monkeypatch):
    figures = {"SC_PHYS_PAGES": memory, "SC_PAGE_SIZE": 1}
    monkeypatch.setattr(machine, "usable_cores", lambda: cores)
    monkeypatch.setattr(os, "sysconf", figures.__getitem__, raising=False)
    assert jobs_that_fit() == jobs


def test_where_the_system_does_not_tell_its_memory_cores_decide(monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: 5)
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert jobs_that_fit() == 5
