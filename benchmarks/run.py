"""A whole run against its target alone, and where a generation's time goes.

``python -m benchmarks.run [EXPERIMENT] [--json]`` runs an experiment (``experiments/mnist.ini``),
and in the same process, before and after, measures how many images a second the target scores
when it does nothing else. Medians over generations and rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from neatfool.assembly import assemble
from neatfool.experiment import load_experiment
from neatfool.plugin_manager import PluginManager
from neatfool.session import start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.generation_report import GenerationReport
    from neatfool.scoring import Scorer

STAGES = ("breeding", "rendering", "scoring", "selection", "recording")
ROUNDS = 15


def raw_throughput(scorer: Scorer, images: torch.Tensor) -> float:
    """Images a second that the target scores, in batches of the run's size."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        scorer.target.score(images if scorer.target.spec.array == "torch" else images.numpy())
        seconds.append(time.perf_counter() - began)
    return len(images) / statistics.median(seconds)


def measure(file: Path) -> dict[str, Any]:
    plugins = PluginManager()
    with tempfile.TemporaryDirectory() as folder:
        assembly = assemble(load_experiment(file, plugins=plugins))
        scorer = assembly.scorer
        seeds = range(scorer.batch_size)
        images = assembly.encoding.render(assembly.encoding.create(seeds))
        before = raw_throughput(scorer, images)
        session = start(assembly, Path(folder) / "run")
        began = time.perf_counter()
        session.go(plugins.observers())
        seconds = time.perf_counter() - began
        after = raw_throughput(scorer, images)
        history = session.run.history
        session.run.close()
    raw = statistics.median([before, after])
    rate = history[-1].evaluations / seconds
    return {
        "experiment": str(file),
        "images": history[-1].evaluations,
        "seconds": seconds,
        "images_per_s": rate,
        "target_alone_per_s": raw,
        "ratio": rate / raw,
        "milliseconds_a_generation": {
            stage: 1000 * statistics.median(getattr(r.stages, stage) for r in history)
            for stage in STAGES
        },
        "growth_last_to_first_tenth": growth(history),
        "median": history[-1].median,
        "minimum": history[-1].minimum,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
    }


def growth(history: Sequence[GenerationReport]) -> float:
    """How much longer a generation takes at the end than at the beginning."""
    tenth = max(1, len(history) // 10)
    totals = [report.stages.total for report in history]
    return statistics.median(totals[-tenth:]) / statistics.median(totals[:tenth])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default="experiments/mnist.ini", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.file)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(
        f"{figures['experiment']}: {figures['images']:,} images in {figures['seconds']:.1f} s, "
        f"{figures['images_per_s']:,.0f} a second; the target alone scores "
        f"{figures['target_alone_per_s']:,.0f} a second: ratio {figures['ratio']:.2f}"
    )
    total = sum(figures["milliseconds_a_generation"].values())
    for stage, milliseconds in figures["milliseconds_a_generation"].items():
        print(f"  {stage:10} {milliseconds:8.2f} ms a generation  {milliseconds / total:6.1%}")
    print(
        f"  a generation at the end takes {figures['growth_last_to_first_tenth']:.2f} x the first"
    )


if __name__ == "__main__":
    main()
