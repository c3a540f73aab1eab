"""``neatfool run FILE --seeds ...``: replicates, runs of one experiment with several seeds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Final, Generic, Literal, TypeVar

from neatfool.errors import INTERRUPTED, BudgetSpent, RunError
from neatfool.evolution.resuming import agrees, tell_differences
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.machine import usable_cores
from neatfool.present.output import Output
from neatfool.run.folder import DATABASE
from neatfool.run.run import Run
from neatfool.search.seed_list import parse_seeds
from neatfool.wording import counted, format_seeds

Key = TypeVar("Key")

SECONDS_BETWEEN_LOOKS: Final = 0.2
PRESSES_TO_KILL: Final = 3
SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
FOR_TERMINALS: Final = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""These variables make a process write as if to a terminal."""
STOPPING: Final = {
    1: "Stopping all after their generation; Ctrl-C again stops at once.",
    2: "Stopping all at once; Ctrl-C again kills them.",
}
"""What is said at each Ctrl-C."""


@dataclass(frozen=True)
class Replicate:
    """A run of an experiment with one of several seeds."""

    seed: int
    folder: Path
    state: Literal["new", "unfinished", "finished"]
    longer: tuple[str, ...] = ()
    """Options of ``neatfool resume`` that change its length, if the length changed."""


def run_replicates(
    file: Path,
    seeds: str,
    out: Path | None,
    overrides: Sequence[str],
    *,
    jobs: int,
    overwrite: bool,
    report: bool,
    debug: bool,
) -> int:
    """Run the experiment of a file with each of a list of seeds; give the exit code."""
    chosen = parse_seeds(seeds)
    experiment = load_experiment(file, overrides=overrides, seed=chosen[0])
    folder = out or Path("runs") / experiment.name
    planned = plan_replicates(experiment, chosen, folder, overwrite=overwrite)
    ends = [] if report else ["--no-report"]
    sets = [word for each in overrides for word in ("--set", each)]
    begin = [str(file), *sets, *ends, *(["--overwrite"] if overwrite else [])]
    program = [sys.executable, "-P", "-m", "neatfool"]
    commands = {}
    for each in planned:
        place = str(each.folder)
        if each.state == "unfinished":
            commands[each] = [*program, "resume", place, *each.longer, *ends]
        elif each.state == "new":
            commands[each] = [*program, "run", *begin, "--seed", str(each.seed), "--out", place]
    count = max(1, min(jobs, len(commands)))
    output = Output()
    for state, words in (("finished", "already finished"), ("unfinished", "resumed")):
        if known := [each.seed for each in planned if each.state == state]:
            output.say(f"seeds {format_seeds(known)}: {words}")
    if commands:
        runs = counted(len(commands), "run", "runs")
        output.say(f"{runs} of {experiment.name} in {folder}, {count} at a time")
    pool: ProcessPool[Replicate] = ProcessPool(
        count,
        environment_for(count, debug=debug),
        on_line=lambda key, line: output.say(f"seed {key.seed}: {line}") if line else None,
        on_stop=lambda presses: output.say(STOPPING.get(presses, "Killing them.")),
    )
    return show_end(output, planned, folder, pool.run(commands))


def environment_for(jobs: int, *, debug: bool) -> dict[str, str]:
    """Give the environment of a replicate, of which so many run side by side."""
    environment = {key: value for key, value in os.environ.items() if key not in FOR_TERMINALS}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    if debug:
        environment["NEATFOOL_DEBUG"] = "1"
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // jobs)))
    return environment


def show_end(
    output: Output, planned: Sequence[Replicate], folder: Path, codes: Mapping[Replicate, int]
) -> int:
    """Sum up all runs, and give the exit code: that of the first that failed."""
    done = [each for each in planned if each.state == "finished" or codes.get(each) == 0]
    output.say(f"{len(done)} of {len(planned)} runs are finished")
    interrupted = {INTERRUPTED, -signal.SIGINT}
    failed = {key: code for key, code in codes.items() if code and code not in interrupted}
    for each, code in failed.items():
        spent = code == BudgetSpent.exit_code
        end = "its budget is spent" if spent else f"failed (exit code {code})"
        output.say(f"seed {each.seed}: {end}", style="red")
    if len(done) + len(failed) < len(planned):
        output.say("Go on with the same command.")
        return INTERRUPTED
    if len(done) > 1:
        output.say(f"Compare them: neatfool compare {folder}")
    first = min(failed.values(), key=lambda code: code == BudgetSpent.exit_code, default=0)
    return max(first, 1) if failed else 0


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
                while (now := wait(ends.values(), SECONDS_BETWEEN_LOOKS, FIRST_EXCEPTION)).not_done:
                    for end in now.done:
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
