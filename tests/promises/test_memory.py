"""A run of ImageNet fits into little memory."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="pip install 'neatfool[imagenet]'")

STATUS = Path("/proc/self/status")
MEBIBYTES = 1250
"""A little more than was measured (1065 to 1150) of a run that also measures speeds and compiles.
Pages of libraries are not counted: how many stay in memory is the kernel's choice."""
RUN = """
import re, sys, threading
from pathlib import Path
from neatfool.cli import main

ended, peak = threading.Event(), 0
def watch():
    global peak
    while not ended.wait(0.01):
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(re.search(r"RssAnon:\\s+(\\d+) kB", status)[1]))
watching = threading.Thread(target=watch)
watching.start()
try:
    main(sys.argv[1:])
finally:
    ended.set()
    watching.join()
    print("peak:", peak // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux says how much memory is anonymous")
def test_a_run_against_1000_classes_with_learning_takes_little_memory(tmp_path):
    experiment = Path(__file__).parents[2] / "experiments" / "imagenet.ini"
    changes = ["experiment.images=2600", "scheme.learn_after=0", "target.threads=2"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, "run", experiment, "--out", tmp_path / "run"]
        + [word for change in changes for word in ("--set", change)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    peak = int(done.stdout.rpartition("peak: ")[2])
    assert 100 < peak < MEBIBYTES
