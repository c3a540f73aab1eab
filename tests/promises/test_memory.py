"""A run of ImageNet fits into little memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="pip install 'neatfool[imagenet]'")

STATUS = Path("/proc/self/status")
MEBIBYTES = 1300
"""A little more than was measured of a run that also measures speeds and may compile: 1005 to 1202
with several versions of PyTorch; see docs/performance.md. Later runs take 900 to 940."""
RUN = """
import sys
from pathlib import Path
from neatfool.cli import main
try:
    main(sys.argv[1:])
finally:
    print(Path("/proc/self/status").read_text())
"""


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux counts the peak")
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
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found is not None
    assert int(found[1]) / 1024 < MEBIBYTES
