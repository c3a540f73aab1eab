"""``neatfool run FILE --seeds ...``: replicates, one after another or side by side."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from neatfool.cli.main_group import INTERRUPTED
from neatfool.errors import BudgetSpent
from neatfool.experiment.experiment import load_experiment
from neatfool.machine import usable_cores
from neatfool.present.output import Output
from neatfool.replicates import ProcessPool, Replicate, parse_seeds, plan_replicates
from neatfool.wording import counted, format_seeds

FOR_TERMINALS: Final = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""These variables make a process write as if to a terminal."""
STOPPING: Final = {
    1: "Stopping all after their generation; Ctrl-C again stops at once.",
    2: "Stopping all at once; Ctrl-C again kills them.",
}
"""What is said at each Ctrl-C."""


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
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONIOENCODING"] = "utf-8"
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
