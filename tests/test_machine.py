import os
import subprocess
import sys

import pytest


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
