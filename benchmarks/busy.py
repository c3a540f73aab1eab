"""Busy: what a run loses beside other programs that want the same cores.

A short run is timed alone, and beside loops that never rest. The loops tell which share of a core
each of them got: beside five on two cores it is a third. A run whose threads get the same share
takes its time alone, divided by that share. The figure is the time that it took, divided by the
fair one; threads that wait for each other, or spin while they wait, make it larger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
LOOPS = (2, 5)
BOUND = 1.3
SECONDS = 600
"""A loop ends by itself after this time, and a run that takes longer has failed."""
LOOP = f"import time; end = time.monotonic() + {SECONDS}\nwhile time.monotonic() < end: pass"
RUNS = {
    "mnist.ini": ["mnist.ini", "--images", "5000"],
    "mnist.ini, two workers": ["mnist.ini", "--images", "2000", "--workers", "2"],
    "imagenet_quick.ini": ["imagenet_quick.ini", "--images", "144", "--set", "scheme.initial=48"],
}
NEEDS = {"mnist.ini, two workers": "distributed", "imagenet_quick.ini": "efficientnet_lite_pytorch"}
"""What an installation may lack; the run is then left out."""


class Taken(NamedTuple):
    """What a run took: seconds by the clock and of the processor, and a loop's share of a core."""

    seconds: float
    computed: float
    share: float = 1.0


@contextmanager
def loops(count: int) -> Iterator[Callable[[], float]]:
    """Keep so many loops busy; give what tells the share of a core that each got, and ends them."""
    began = time.monotonic()
    running = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]

    def share() -> float:
        return mean(_end(each) for each in running) / (time.monotonic() - began) if running else 1.0

    try:
        yield share
    finally:
        for each in running:
            each.kill()


def _end(process: subprocess.Popen[bytes]) -> float:
    """End a process; give the processor time that it took."""
    process.terminate()
    _, process.returncode, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


def take(arguments: list[str], count: int) -> Taken:
    """Run the command beside so many loops.

    Raises:
        RuntimeError: The command failed.
    """
    # The command itself says how its threads wait.
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    with TemporaryDirectory(prefix="neatfool-busy-") as folder, loops(count) as share:
        experiment, *options = arguments
        command = [sys.executable, "-m", "neatfool", "run", str(EXPERIMENTS / experiment)]
        command += [*options, "--no-report", "--out", str(Path(folder) / "run")]
        began, before = time.monotonic(), os.times()
        ended = subprocess.run(
            command, env=environment, timeout=SECONDS, capture_output=True, text=True, check=False
        )
        seconds, after, got = time.monotonic() - began, os.times(), share()
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    used = after.children_user + after.children_system
    return Taken(seconds, used - before.children_user - before.children_system, got)


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure each run alone and beside loops."""
    found = []
    for name, arguments in RUNS.items():
        if (package := NEEDS.get(name)) and find_spec(package) is None:
            say(f"{name}: left out, without {package}")
            continue
        take([*arguments, "--images", "48"], 0)  # The first one on a machine compiles.
        alone = take(arguments, 0)
        say(f"{name}, alone: {alone.seconds:.1f} s, {alone.computed:.1f} s of the processor")
        for count in LOOPS:
            beside = take(arguments, count)
            ratio = beside.seconds * beside.share / alone.seconds
            say(
                f"    beside {count} loops, each with {beside.share:.0%} of a core: "
                f"{beside.seconds:.1f} s, {beside.computed:.1f} s of the processor"
            )
            what = f"{name} beside {count} busy loops: time / fair share of it"
            found.append(Figure(what, ratio, BOUND))
    return found
