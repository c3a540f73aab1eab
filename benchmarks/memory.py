"""How much memory a run takes, at most.

Each run is in a process of its own, which is asked for its peak when it has imported everything and
done a small run, and once more at the end. What counts is the difference: what a run takes beside
Python, torch and the network, its archive and the database included.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

GIBIBYTE = 1 << 30
BOUND = 2.0

RUNS = {
    "400 images of 512x512x3 a generation": {"population": 400, "side": 512},
    "100,000 classes": {"classes": 100_000},
}
GENERATIONS = 3


def peak() -> int:
    """Give the most bytes of memory that this process ever had.

    Linux's own count since the program began. ``getrusage``, which is all there is elsewhere, also
    counts what the parent had when it started this process: a parent that is larger than its child
    would hide all that the child takes.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(setting: dict[str, int]) -> dict[str, float]:
    """Run, in this process; give its peaks before and after, in GiB."""
    from benchmarks.midrun import Setting, midrun
    from neatfool.machine import tune_process

    tune_process()
    # What is loaded, compiled or cached once is not a generation's.
    with midrun(Setting(population=10), generations=2) as run:
        list(run)
    before = peak()
    with midrun(Setting(**setting), generations=GENERATIONS) as run:
        done = len(list(run))
    assert done == GENERATIONS
    return {"before": before / GIBIBYTE, "after": peak() / GIBIBYTE}


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure each run in a process of its own."""
    found = []
    for name, setting in RUNS.items():
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", json.dumps(setting)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        peaks = json.loads(done.stdout)
        took = peaks["after"] - peaks["before"]
        say(f"{name}: {took:.2f} GiB beside {peaks['before']:.2f} GiB")
        found.append(Figure(f"memory, {name}: GiB", took, BOUND))
    return found


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
