from __future__ import annotations

import os
import subprocess
import sys

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


def printed(code, **more):
    """Run Python in a process without a policy for OpenMP's threads of its own; give its words."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"} | more
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()


def test_importing_neatfool_and_making_a_network_changes_nothing_in_the_process():
    code = """
import ctypes, os, signal, sys
library, asked = ctypes.CDLL, []
ctypes.CDLL = lambda *names, **more: (asked.extend(names), library(*names, **more))[1]
before = dict(os.environ), signal.getsignal(signal.SIGINT), sys.getswitchinterval()
import neatfool, neatfool.cli, torch
neatfool.Network(torch.nn.Flatten().eval(), device="cpu")(torch.zeros(1, 1, 2, 2).byte())
print((dict(os.environ), signal.getsignal(signal.SIGINT), sys.getswitchinterval()) == before)
print(None in asked)  # the C library, whose malloc has options
"""
    assert printed(code) == ["True", "False"]


@pytest.mark.parametrize(
    ("own", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_in_a_tuned_process_threads_do_not_spin_unless_the_user_says_so(own, policy):
    code = "import os, sys, neatfool; neatfool.tune_process(); "
    code += "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    assert printed(code, **own) == [policy, "False"]


def test_the_command_tunes_its_process():
    code = """
import os, sys
from neatfool.__main__ import main
sys.argv = ["neatfool", "--version"]
try:
    main()
finally:
    print(os.environ["OMP_WAIT_POLICY"])
"""
    assert printed(code)[-1] == "PASSIVE"
