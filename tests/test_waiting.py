"""How torch's threads wait, in a process that imports neatfool before torch."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("own", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
@pytest.mark.parametrize("module", ["neatfool", "neatfool.cli"])
def test_threads_do_not_spin_while_they_wait_unless_the_user_says_so(module, own, policy):
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    if own is not None:
        environment["OMP_WAIT_POLICY"] = own
    # torch is a child of the first import, or comes after it.
    code = f"import os, sys, {module}; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    told = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert told.split() == [policy, "False"]
