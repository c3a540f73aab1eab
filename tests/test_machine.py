from __future__ import annotations

import pytest

from neatfool import ExperimentError, machine
from neatfool.machine import BYTES_A_RUN, free_memory, jobs_that_fit

GIB = 2**30


@pytest.fixture
def meminfo(tmp_path):
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 99 kB\nMemAvailable:   {6 * 2**20} kB\nSwapFree: 7 kB\n")
    return path


def test_free_memory_is_what_the_kernel_calls_available(meminfo, tmp_path):
    assert free_memory(meminfo, tmp_path / "no groups") == 6 * GIB


def test_a_container_has_no_more_than_its_limit_leaves_it(meminfo, tmp_path):
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {GIB}\nactive_file 3\n")
    assert free_memory(meminfo, tmp_path) == 2 * GIB


def test_a_container_without_a_limit_has_all(meminfo, tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("7\n")
    assert free_memory(meminfo, tmp_path) == 6 * GIB


def test_containers_of_the_older_kind_have_a_limit_too(meminfo, tmp_path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{GIB}")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("24")
    (tmp_path / "memory" / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 20\n")
    assert free_memory(meminfo, tmp_path) == GIB - 4


@pytest.mark.parametrize(
    ("runs", "cores", "memory", "jobs"),
    [
        (5, 4, 100 * GIB, 4),
        (3, 16, 100 * GIB, 3),
        (5, 16, 2 * BYTES_A_RUN + 1, 2),
        (5, 16, 0, 1),
    ],
)
def test_so_many_runs_fit_as_there_are_cores_and_memory(runs, cores, memory, jobs, monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: cores)
    monkeypatch.setattr(machine, "free_memory", lambda: memory)
    assert jobs_that_fit(runs) == jobs


def test_where_memory_is_not_known_a_number_is_asked_for(monkeypatch, tmp_path):
    assert free_memory(tmp_path / "absent") is None
    monkeypatch.setattr(machine, "free_memory", lambda: None)
    with pytest.raises(ExperimentError, match="give a number"):
        jobs_that_fit(3)
