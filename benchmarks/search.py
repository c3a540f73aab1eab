"""How many images the search of ``experiments/mnist.ini`` needs, whatever a machine's speed.

Each of twenty seeds is searched until all ten digits pass 99.99 %, without a database or a report.
A machine's last bits change a search's course, so the bounds leave room: half as much again as was
reached with these seeds, a median of 3,000 and 5,400 at worst.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from neatfool.evolution.assembly import Assembly, assemble
from neatfool.experiment.experiment import load_experiment
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Callable

MNIST = Path(__file__).parents[1] / "experiments" / "mnist.ini"
SEEDS = range(1, 21)
MOST_IMAGES = 20_000
CERTAIN = 0.9999


def images_until_certain(assembly: Assembly) -> int:
    """Search until every class passes 99.99 %, or for the most images; give their number."""
    scheme, images = assembly.scheme, 0
    while images < MOST_IMAGES and scheme.archive.scores.min() < CERTAIN:
        candidates = list(scheme.ask())
        drawn = assembly.encoding.render([candidate.genome for candidate in candidates])
        scheme.tell(candidates, assembly.scorer.score(drawn))
        images += len(candidates)
    return images


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure all."""
    plugins, found = PluginManager(), []
    for seed in SEEDS:
        experiment = load_experiment(MNIST, seed=seed, plugins=plugins)
        found.append(images_until_certain(assemble(experiment)))
    say(f"mnist.ini: {', '.join(f'{count:,}' for count in found)} images")
    name = "images until all digits of mnist.ini pass 99.99 %, 20 seeds:"
    return [
        Figure(f"{name} median (aim: 1,500)", median(found), 4500),
        Figure(f"{name} worst (aim: 5,000)", max(found), 8100),
    ]
