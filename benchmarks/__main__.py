"""Run benchmarks and say which of their figures hold.

Each module NAME has ``figures(say)``, which measures and gives a list of
:class:`~benchmarks.figures.Figure`.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import json
import sys
import time
import traceback
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.machine import machine
from neatfool.errors import nearest
from neatfool.machine import tune_process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.figures import Figure

GPU = "gpu"
NAMES = (
    *("render", "breeding", "scoring", "search", "run"),
    *("serving", "growth", "memory", "engine", "busy"),
)

EXAMPLES = """\
examples:
  python -m benchmarks                           all of them, in six to eight minutes on two cores
  python -m benchmarks render scoring            some of them
  python -m benchmarks --json > figures.json     {"figures": [...], "machine": {...}}
  python -m benchmarks growth --plots .        how a generation's time grows, and a plot
  python -m benchmarks --gpu                     the whole path on a GPU, and nothing else

Ends with exit code 0 if every figure that has a bound keeps it, else with 1."""


@dataclass
class Results:
    """What was measured, and what failed."""

    figures: list[Figure] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def hold(self) -> bool:
        """Whether nothing failed and every figure with a bound keeps it."""
        return not self.failed and all(figure.holds is not False for figure in self.figures)


def run(names: Iterable[str], plots: Path | None) -> Results:
    """Run benchmarks one after another, each with the threads that torch began with."""
    console = Console(stderr=True, highlight=False)
    threads, began = torch.get_num_threads(), time.perf_counter()
    results = Results()

    def say(text: str) -> None:
        passed = time.perf_counter() - began
        console.print(f"[dim]{passed:5.0f} s[/]  {escape(text)}", soft_wrap=True)

    for name in names:
        say(f"-- {name}")
        try:
            results.figures += _figures(name, say, plots)
        except Exception:
            console.print(traceback.format_exc(), markup=False)
            results.failed.append(name)
        torch.set_num_threads(threads)
        gc.collect()
    say("-- done")
    return results


def _figures(name: str, say: Any, plots: Path | None) -> list[Figure]:
    figures = import_module(f"benchmarks.{name}").figures
    more = {"plots": plots} if "plots" in inspect.signature(figures).parameters else {}
    measured: list[Figure] = figures(say, **more)
    return measured


def show(results: Results) -> None:
    """Print the figures as a table."""
    table = Table("figure")
    table.add_column("value", justify="right")
    table.add_column("bound", justify="right")
    table.add_column("holds")
    words = {None: "", True: "[green]yes[/]", False: "[bold red]no[/]"}
    for figure in results.figures:
        bound = "" if figure.bound is None else f"{figure.keeps} {figure.bound:g}"
        table.add_row(escape(figure.name), f"{figure.value:,.4g}", bound, words[figure.holds])
    # Also where the table goes into a file, it is to be whole.
    wide = max([0, *(len(figure.name) for figure in results.figures)]) + 50
    console = Console(highlight=False)
    Console(width=max(wide, console.width), highlight=False).print(table)
    for name in results.failed:
        console.print(f"[bold red]{name} failed; what it raised is above[/]")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=(__doc__ or "").partition("\n")[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    about = f"which to run, of {', '.join(NAMES)}; all if none is given"
    parser.add_argument("names", nargs="*", metavar="NAME", help=about)
    gpu = "measure the whole path on a GPU; without one the same code runs on the CPU"
    parser.add_argument("--gpu", action="store_true", help=gpu)
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    plots = "keep the plots of the benchmarks that draw one, as PNG"
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help=plots)
    given = parser.parse_args()
    if given.gpu and given.names:
        parser.error("--gpu measures the GPU only: give it without names")
    for name in given.names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}{nearest(name, NAMES)}")
    return given


def main() -> int:
    """Run what the command line names; give the exit code."""
    given = arguments()
    tune_process()
    about = machine()
    results = run([GPU] if given.gpu else given.names or NAMES, given.plots)
    if given.json:
        figures = [
            {"name": f.name, "value": f.value, "bound": f.bound, "holds": f.holds}
            for f in results.figures
        ]
        print(json.dumps({"figures": figures, "machine": about}, indent=2))
    else:
        show(results)
    return 0 if results.hold else 1


if __name__ == "__main__":
    sys.exit(main())
