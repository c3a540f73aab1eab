"""Python in a process of its own."""

import os
import subprocess
import sys


def run_python(code, *words, folder=None, **environment):
    """Run code, which must end well; give what it prints."""
    usual = {"PYTHONPATH": ":".join(sys.path), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder,
        env=os.environ | usual | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
