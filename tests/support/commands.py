"""The command line in this process and in others, and a small target of their own for it."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

from click.testing import CliRunner, Result
from ini_text import ini

from neatfool.cli import main

CLASSES = ("dark", "bright", "[red]left[/]", "school bus")

# Where a file `hold` lies beside it, the target stops in its fifth batch until the file has gone,
# and says so with a file `held`: a process can be met there at leisure. (Two batches are those of
# the check before the run.)
PLUGIN = '''\
import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from neatfool import ImageSpec, Scores, Target, hookimpl

HERE = Path(__file__).parent

class Options(BaseModel, extra="forbid"):
    gain: float = 12.0
    channels: int = 1

class Patches(Target):
    """Looks at the whole, at the left half, and at every other column."""

    def __init__(self, options: Options) -> None:
        self.gain = options.gain
        self.spec = ImageSpec(6, 8, options.channels, {classes!r})
        self.batches = 0

    def score(self, images: np.ndarray) -> Scores:
        self.batches += 1
        if self.batches == 5 and (HERE / "hold").exists():
            (HERE / "held").touch()
            while (HERE / "hold").exists():
                time.sleep(0.005)
        light = images.astype(float).mean(1) / 255 - 0.5
        whole, left = light.mean((1, 2)), light[:, :, :4].mean((1, 2))
        stripes = (light[:, :, ::2] - light[:, :, 1::2]).mean((1, 2))
        logits = self.gain * np.stack([-whole, whole, left, stripes], 1)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return Scores(weights / weights.sum(1, keepdims=True), logits)

@hookimpl
def neatfool_register_targets(register) -> None:
    register("patches", Patches, options=Options)
'''.replace("{classes!r}", repr(CLASSES))

PAID = """
class Paid(Patches):
    def meter(self, ledger):
        self.ledger = ledger

    def score(self, images):
        number = self.ledger.debit(len(images))
        with (HERE / "asked").open("a") as asked:
            asked.write("." * len(images))
        self.ledger.settle(number, "answered")
        return super().score(images)

@hookimpl(specname="neatfool_register_targets")
def paid_target(register) -> None:
    register("paid", Paid, options=Options)
"""
"""Appended to it, the same target is metered: a dot in the file `asked` stands for each image."""

EXPERIMENT = ini(
    experiment={"name": "small", "generations": 8, "seed": 3},
    plugins={"path": "patches.py"},
    target={"plugin": "patches"},
    encoding={"plugin": "cppn"},
    scheme={"plugin": "map_elites", "batch": 20},
)

# What a terminal, or a service that shows colours, sets and a pipe does not.
PLAIN = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None, "TTY_INTERACTIVE": None, "COLUMNS": "120"}


def write_experiment(folder: Path) -> Path:
    """Write the experiment and its plugin; give the experiment's file."""
    (folder / "patches.py").write_text(PLUGIN)
    file = folder / "small.ini"
    file.write_text(EXPERIMENT)
    return file


def write_target(
    folder: Path,
    plugin: str = PLUGIN,
    options: str = "",
    *,
    name: str = "other",
    of: str = "patches",
) -> Path:
    """Write a file with nothing but a target, and its plugin; give the file."""
    folder.mkdir(exist_ok=True)
    (folder / "patches.py").write_text(plugin)
    file = folder / f"{name}.ini"
    file.write_text(f"[plugins]\npath = patches.py\n[target]\nplugin = {of}\n{options}\n")
    return file


def run_small(folder: Path, *settings: str, plugin: str = PLUGIN, out: str = "run") -> Path:
    """Run the experiment with other settings, perhaps of another plugin; give the run's folder."""
    file = write_experiment(folder)
    (folder / "patches.py").write_text(plugin)
    options = [each for setting in settings for each in ("--set", setting)]
    neatfool("run", file, "--out", folder / out, "--no-report", *options, exit_code=0)
    return folder / out


def run_paid(folder: Path, plugin: str = PLUGIN) -> Path:
    """Run the experiment with the target that is metered; give the run's folder."""
    settings = ("target.plugin=paid", "target.max_queries=200", "experiment.generations=3")
    return run_small(folder, *settings, plugin=plugin + PAID)


def neatfool(*args: object, exit_code: int | None = None) -> Result:
    """Call the program in this process; a failed test shows the traceback of a bug.

    It must end with the exit code, if one is given. Where modules are imported from stays as it
    was before.
    """
    before = [*sys.path]
    result = CliRunner().invoke(main, [str(arg) for arg in args], env=PLAIN)
    sys.path[:] = before
    if "This is a bug in neatfool" in result.output and result.exc_info:
        traceback.print_exception(result.exc_info[1])
    assert exit_code in {None, result.exit_code}, result.output
    return result


def neatfool_process(*args: object) -> subprocess.Popen[str]:
    """Call the program in a process of its own, its output in pipes."""
    environment = {key: value for key, value in os.environ.items() if key not in PLAIN}
    return subprocess.Popen(
        [sys.executable, "-m", "neatfool", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"COLUMNS": "120"},
    )


def rows(output: str) -> list[list[str]]:
    """Take the rows of a drawn table apart."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in output.splitlines()
        if line.startswith("│")
    ]
