"""Replicates: runs of one experiment with several seeds, in one folder, planned and run."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from threading import RLock
from typing import Final, Generic, Literal, TypeVar

from neatfool.errors import ExperimentError, RunError
from neatfool.experiment.experiment import Experiment, agrees, tell_differences
from neatfool.run.folder import DATABASE
from neatfool.run.run import Run
from neatfool.wording import format_seeds

Key = TypeVar("Key")

SECONDS_BETWEEN_LOOKS: Final = 0.2
PRESSES_TO_KILL: Final = 3
SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
MOST_SEEDS: Final = 10_000
"""A list has at most this many seeds: a longer one is a typing error."""
_HIGHEST: Final = 2**63 - 1
_PART: Final = re.compile(r"(\d{1,19})(?:\s*-\s*(\d{1,19}))?", re.ASCII)


@dataclass(frozen=True)
class Replicate:
    """A run of an experiment with one of several seeds."""

    seed: int
    folder: Path
    state: Literal["new", "unfinished", "finished"]
    longer: tuple[str, ...] = ()
    """Options of ``neatfool resume`` that change its length, if the length changed."""


def plan_replicates(
    experiment: Experiment, seeds: Sequence[int], folder: Path, *, overwrite: bool = False
) -> list[Replicate]:
    """Find out which replicates, in folders ``NAME-SEED``, are new, unfinished or finished."""
    from neatfool.fooling.open_runs import open_run

    planned = []
    for seed in seeds:
        place = folder / f"{experiment.name}-{seed}"
        if overwrite or not (place / DATABASE).is_file():
            planned.append(Replicate(seed, place, "new"))
            continue
        general = experiment.general.model_copy(update={"seed": seed})
        with closing(open_run(place)) as run:
            planned.append(_plan_existing(replace(experiment, general=general), run))
    return planned


def _plan_existing(experiment: Experiment, run: Run) -> Replicate:
    recorded, seed = run.info["identity"], experiment.general.seed
    if not agrees(recorded, experiment.identity()):
        options = tell_differences(experiment.identity(), recorded)
        fault = f"{run.path}: holds a run of another experiment ({options})"
        raise RunError(f"{fault}. --out DIR writes elsewhere, --overwrite starts all anew")
    length = {"generations": experiment.general.generations, "images": experiment.general.images}
    if run.has_reached(*length.values()):
        return Replicate(seed, run.path, "finished")
    before = run.experiment["experiment"]
    longer: tuple[str, ...] = ()
    if any(before[kind] != number for kind, number in length.items()):
        longer = next((f"--{kind}", str(number)) for kind, number in length.items() if number)
    return Replicate(seed, run.path, "unfinished", longer)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds and ranges of seeds (both ends included), separated by commas, in their order.

    Raises:
        ExperimentError: The text is not such a list, or holds a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, last = _range(part.strip(), text)
        if last - first >= MOST_SEEDS - len(seeds):
            raise ExperimentError(f"seeds {text!r}: more than {MOST_SEEDS:,}; give fewer")
        seeds += range(first, last + 1)
    twice = sorted({seed for seed, other in pairwise(sorted(seeds)) if seed == other})
    if twice:
        raise ExperimentError(
            f"seeds {text!r}: {format_seeds(twice)} twice; name each once: a second run is the same"
        )
    return tuple(seeds)


def _range(part: str, text: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if not match:
        fault = f"{part!r} is not a seed" if part else "one comma is too many"
        raise ExperimentError(f"seeds {text!r}: {fault}; write 1-5, or 1,3,7-9")
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise ExperimentError(f"seeds {text!r}: {part} runs backwards; write {last}-{first}")
    if last > _HIGHEST:
        raise ExperimentError(f"seeds {text!r}: {last} is above {_HIGHEST}, the highest seed")
    return first, last


class ProcessPool(Generic[Key]):
    """Runs commands side by side; each Ctrl-C goes to all as SIGINT, and the third kills them."""

    def __init__(
        self,
        jobs: int,
        environment: Mapping[str, str],
        *,
        on_line: Callable[[Key, str], None],
        on_stop: Callable[[int], None],
    ) -> None:
        """Take what to call when processes write a line, or are asked to stop."""
        self.presses = 0
        self._jobs = jobs
        self._environment = environment
        self._on_line, self._on_stop = on_line, on_stop
        self._running: list[subprocess.Popen[str]] = []
        # Signals are handled in the main thread, perhaps one while another is.
        self._lock = RLock()

    def run(self, commands: Mapping[Key, Sequence[str]]) -> dict[Key, int]:
        """Run commands in their order, and give the exit code of each that started."""
        with self._catching_stops(), ThreadPoolExecutor(self._jobs) as threads:
            ends = {key: threads.submit(self._run, key, each) for key, each in commands.items()}
            try:
                while wait(ends.values(), SECONDS_BETWEEN_LOOKS, FIRST_EXCEPTION).not_done:
                    for end in ends.values():
                        if end.done():
                            end.result()
                codes = {key: end.result() for key, end in ends.items()}
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                for process in self._running:
                    _stop(process, kill=False)
                raise
        return {key: code for key, code in codes.items() if code is not None}

    def _run(self, key: Key, command: Sequence[str]) -> int | None:
        with self._lock:
            if self.presses:
                return None
            # In its own session, a process gets the terminal's Ctrl-C only from here.
            process = subprocess.Popen(  # noqa: S603 - the owner's commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=dict(self._environment),
                start_new_session=True,
            )
            self._running.append(process)
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                with self._lock:
                    self._on_line(key, line.rstrip())
        code = process.wait()
        with self._lock:
            self._running.remove(process)
        return code

    @contextmanager
    def _catching_stops(self) -> Iterator[None]:
        """Count the signals that ask to stop, except those that this process ignores.

        One with a handler is left to that: the command line makes a Ctrl-C of a hang-up.
        """
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        heeded = [number for number in numbers if before[number] is not signal.SIG_IGN]
        heeded = [each for each in heeded if each == signal.SIGINT or not callable(before[each])]
        for number in heeded:
            signal.signal(number, self._press)
        try:
            yield
        finally:
            for number in heeded:
                signal.signal(number, before[number])

    def _press(self, *_: object) -> None:
        with self._lock:
            self.presses += 1
            for process in self._running:
                _stop(process, kill=self.presses >= PRESSES_TO_KILL)
            self._on_stop(self.presses)  # told when it is true: all have the signal


def _stop(process: subprocess.Popen[str], *, kill: bool) -> None:
    if kill:
        process.kill()
    elif os.name != "nt":  # on Windows the console reaches all processes itself
        process.send_signal(signal.SIGINT)
