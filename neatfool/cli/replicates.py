"""``neatfool run FILE --seeds ...``: replicates, one after another or side by side."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from neatfool.cli.main_group import INTERRUPTED, PREFIX
from neatfool.errors import BudgetSpent
from neatfool.experiment.experiment import Experiment
from neatfool.machine import jobs_that_fit, usable_cores
from neatfool.present.output import Output
from neatfool.replicates import ProcessPool, Replicate, plan_replicates
from neatfool.wording import counted, format_seeds

FOR_TERMINALS: Final = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""These variables make a process write as if to a terminal."""
LAST_WORDS: Final = 5
"""If a failed replicate's output has no error line, this many of its last lines are shown."""


def run_replicates(
    experiment: Experiment,
    seeds: Sequence[int],
    folder: Path,
    arguments: Sequence[str],
    *,
    jobs: int | str,
    overwrite: bool,
    report: bool,
    debug: bool,
) -> int:
    """Run an experiment, already checked, with each of several seeds; give the exit code."""
    planned = plan_replicates(experiment, seeds, folder, overwrite=overwrite)
    ends = [] if report else ["--no-report"]
    begin = [*arguments, *ends, *(["--overwrite"] if overwrite else [])]
    program = [sys.executable, "-P", "-m", "neatfool"]
    commands = {}
    for each in planned:
        place = str(each.folder)
        if each.state == "unfinished":
            commands[each] = [*program, "resume", place, *each.longer, *ends]
        elif each.state == "new":
            commands[each] = [*program, "run", *begin, "--seed", str(each.seed), "--out", place]
    wanted = jobs if isinstance(jobs, int) else jobs_that_fit()
    count = max(1, min(wanted, len(commands)))
    display = ReplicateDisplay(experiment.name, planned, Output())
    display.show_plan(folder, count)
    codes = display.run(commands, count, environment_for(count, debug=debug))
    return display.show_end(folder, codes)


def environment_for(jobs: int, *, debug: bool) -> dict[str, str]:
    """Give the environment of a replicate, of which so many run side by side."""
    environment = {key: value for key, value in os.environ.items() if key not in FOR_TERMINALS}
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONIOENCODING"] = "utf-8"
    if debug:
        environment["NEATFOOL_DEBUG"] = "1"
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // jobs)))
    return environment


class ReplicateDisplay:
    """Shows what the replicates do: a live table on a terminal, lines elsewhere."""

    def __init__(self, name: str, planned: Sequence[Replicate], console: Output) -> None:
        self._name, self._planned, self._console = name, planned, console
        self._lines: dict[Replicate, str] = {}
        self._waiting = [each.seed for each in planned if each.state != "finished"]
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def show_plan(self, folder: Path, jobs: int) -> None:
        """Say which replicates will run, and how many side by side."""
        finished, resumed = "already finished, left as they are", "not finished, resumed"
        for state, words in (("finished", finished), ("unfinished", resumed)):
            if seeds := [each.seed for each in self._planned if each.state == state]:
                self._say(f"{_seeds(seeds)}: {words}")
        if left := len(self._waiting):
            order = ", one after another" if jobs == 1 else f", {jobs} side by side"
            runs = f"{counted(left, 'run', 'runs')} of {self._name} in {folder}"
            self._say(runs + order if left > 1 else runs)

    def run(
        self, commands: Mapping[Replicate, Sequence[str]], jobs: int, environment: dict[str, str]
    ) -> dict[Replicate, int]:
        """Run commands side by side, and give their exit codes."""
        side_by_side: ProcessPool[Replicate] = ProcessPool(
            jobs,
            environment,
            on_start=self._on_start,
            on_line=self._on_line,
            on_end=self._on_end,
            on_stop=self._on_stop,
        )
        with self._live:
            return side_by_side.run(commands)

    def show_end(self, folder: Path, codes: Mapping[Replicate, int]) -> int:
        """Sum up all runs, and give the exit code."""
        failed = {key: code for key, code in codes.items() if code and not _interrupted(code)}
        done = [each for each in self._planned if each.state == "finished" or codes.get(each) == 0]
        self._say(f"{len(done)} of {len(self._planned)} runs are finished")
        for each, code in failed.items():
            end = "ended early" if code == BudgetSpent.exit_code else "failed"
            self._say(f"seed {each.seed} {end} ({explain(code)})", style="red")
        if len(done) + len(failed) < len(self._planned):
            self._say("Go on with the same command.")
            return INTERRUPTED
        if len(done) > 1:
            self._say(f"Compare them: neatfool compare {folder}")
        first = min(failed.values(), key=lambda code: code == BudgetSpent.exit_code, default=0)
        return max(first, 1) if failed else 0

    def _on_start(self, key: Replicate) -> None:
        self._waiting.remove(key.seed)
        self._lines[key] = "starts" if key.state == "new" else "resumes"
        self._show()

    def _on_line(self, key: Replicate, line: str) -> None:
        if line and self._console.is_terminal:
            self._lines[key] = line
            self._show()
        elif line:
            self._say(f"seed {key.seed}: {line}")

    def _on_end(self, key: Replicate, code: int, written: Sequence[str]) -> None:
        del self._lines[key]
        words = [explain(code)] if code else []
        if self._console.is_terminal:  # Keep the lines that are worth it on the screen.
            lines = [line for line in written if line]
            if not code or _interrupted(code):
                words = [line for line in lines if line.startswith(f"{self._name}, seed ")] or words
            else:
                errors = (i for i, line in enumerate(lines) if line.startswith(PREFIX))
                words = [*lines[next(errors, -LAST_WORDS) :], *words]
        for line in words:
            self._say(f"seed {key.seed}: {line}")
        self._show()

    def _on_stop(self, number: int) -> None:
        self._waiting.clear()
        words = {
            1: "Stopping all after their generation; Ctrl-C again stops at once.",
            2: "Stopping all at once; Ctrl-C again kills them.",
        }
        self._say(words.get(number, "Killing them; what they recorded is kept."))

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(escape(text), style=style, soft_wrap=True)

    def _show(self) -> None:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, min_width=len("seed 1"))
        table.add_column(no_wrap=True, overflow="ellipsis")
        for key, line in self._lines.items():
            table.add_row(f"seed {key.seed}", escape(line))
        if self._waiting:
            table.add_row("", f"then {_seeds(self._waiting)}")
        self._live.update(table, refresh=True)


def _seeds(seeds: Sequence[int]) -> str:
    return f"{'seeds' if len(seeds) > 1 else 'seed'} {format_seeds(seeds)}"


def _interrupted(code: int) -> bool:
    return code in {INTERRUPTED, -signal.SIGINT}


def explain(code: int) -> str:
    """Say how a process ended, by its exit code."""
    if _interrupted(code):
        return "interrupted"
    if code == BudgetSpent.exit_code:
        return "its budget is spent"
    if code >= 0:
        return f"exit code {code}"
    known = {each.value: each.name for each in signal.Signals}
    return f"killed by {known.get(-code, f'signal {-code}')}"
