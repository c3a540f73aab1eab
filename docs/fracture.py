"""Measure how fractured networks are: the figures and the picture of docs/results-images.md.

python docs/fracture.py fer fer                      # a clone of github.com/akarshkumar0101/fer
python docs/fracture.py run runs/imagenet-2          # 24 elites, and what births changed
python docs/fracture.py sweeps fer docs/images/fracture.webp
"""

from __future__ import annotations

import argparse
import pickletools
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.colors import hsv_to_rgb
from PIL import Image
from scipy.stats import wilcoxon
from weight_sweeps import (
    SIDE,
    GenomeSweeps,
    find_size,
    strip,
    sweep,
    sweep_genome,
    sweep_weights,
)

from neatfool import open_run
from neatfool.run.individual import load_genome

PICTURES = ("skull", "butterfly", "apple")
MEASURES = ("fracture", "entangled", "shared")
SPANS = (0.02, 0.1, 0.25)
"""Of a range of 1: the measure's own, and two larger ones."""
MOST = 512
"""All of Picbreeder's links, and a sample of a copy's weights."""
SHOWN = 0.1
"""What the sweeps in the picture change."""
FUNCTIONS = {
    "cache": lambda z: z,
    "identity": lambda z: z,
    "gaussian": lambda z: 2 * np.exp(-np.square(z)) - 1,
    "sigmoid": lambda z: np.tanh(z / 2),
    "sin": np.sin,
}


def longest(path: Path, kind: type) -> Any:
    """Give the longest text or bytes in a pickle, which is read through and never loaded."""
    held = (value for _, value, _ in pickletools.genops(path.read_bytes()))
    return max((value for value in held if isinstance(value, kind)), key=len)


class Layers:
    """A network of the paper's: layers without biases, in which each neuron has its function."""

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        count, functions = longest(folder / "arch.pkl", str).split(";")
        self.functions = [
            (FUNCTIONS[name], int(neurons))
            for name, neurons in (each.split(":") for each in functions.split(","))
        ]
        width = sum(neurons for _, neurons in self.functions)
        sizes = [4, *[width] * int(count), 3]
        shapes = list(pairwise(sizes))
        # JAX has Dense_10 before Dense_2.
        flat = np.frombuffer(longest(folder / "params.pkl", bytes), "<f4")
        self.layers = {}
        for number in sorted(range(len(shapes)), key=str):
            rows, columns = shapes[number]
            self.layers[number] = flat[: rows * columns].reshape(rows, columns)
            flat = flat[rows * columns :]
        assert not len(flat)
        self.weights = np.concatenate([self.layers[n].ravel() for n in range(len(shapes))])
        self.starts = np.cumsum([0, *(rows * columns for rows, columns in shapes)])
        # Picbreeder's links lead into neurons that do something; all else copies a value on.
        copies = self.functions[0][1]
        links = [np.arange(width) >= copies for rows, _ in shapes[:-1] for _ in range(rows)]
        self.links = np.concatenate([*links, np.zeros(3 * width, bool)])
        self.side = side
        x, y = np.meshgrid(*2 * [np.linspace(-1, 1, side)])
        inputs = np.stack([x, y, 1.4 * np.hypot(x, y), np.ones_like(x)], -1)
        self.values = [inputs.reshape(-1, 4).astype("f4")]
        self.sums = []
        for number in range(len(shapes)):
            self.sums.append(self.values[-1] @ self.layers[number])
            self.values.append(self.bend(self.sums[-1]))

    def bend(self, sums: np.ndarray) -> np.ndarray:
        """Apply each neuron's function."""
        ends = np.cumsum([neurons for _, neurons in self.functions])[:-1]
        parts = np.split(sums, ends, axis=1)
        bent = [bend(part) for (bend, _), part in zip(self.functions, parts, strict=True)]
        return np.concatenate(bent, 1)

    def draw(self, place: int, weight: float) -> np.ndarray:
        """Draw the picture, uint8 [3, H, W], with another weight."""
        layer = int(np.searchsorted(self.starts, place, "right")) - 1
        row, column = divmod(place - int(self.starts[layer]), self.layers[layer].shape[1])
        more = np.float32(weight) - self.layers[layer][row, column]
        sums = self.sums[layer].copy()
        sums[:, column] += more * self.values[layer][:, row]
        for number in range(layer + 1, len(self.layers)):
            sums = self.bend(sums) @ self.layers[number]
        hue, saturation, value = sums.T
        hsv = np.stack([(hue + 1) % 1, saturation.clip(0, 1), np.abs(value).clip(0, 1)], -1)
        rgb = np.rint(hsv_to_rgb(hsv) * 255).astype(np.uint8)
        return rgb.reshape(self.side, self.side, 3).transpose(2, 0, 1)


def bootstrap(values: Any, sample: Any, seed: int = 1) -> str:
    """Write a figure with its interval of 95 %, from 999 samples of what it is of."""
    chance = np.random.default_rng(seed)
    many = [sample(chance.integers(values, size=values)) for _ in range(999)]
    low, high = np.nanquantile(many, [0.025, 0.975])
    return f"{sample(np.arange(values)):.3f} [{low:.3f}, {high:.3f}]"


def figures(sweeps: GenomeSweeps) -> list[str]:
    """Write the measures of one network, with intervals over its weights."""
    held = np.flatnonzero(sweeps.effective)
    count = f"{len(held)} of {len(sweeps.places)}"
    if len(held) < 2:
        return [count]
    ways, spread, alike = (sweeps.ways[held] - 1) / 7, sweeps.spread[held], sweeps.alike

    def share(drawn: np.ndarray) -> float:
        chosen = held[drawn]
        pairs = alike[np.ix_(chosen, chosen)][chosen[:, None] != chosen[None]]
        return float(pairs.mean()) if len(pairs) else float("nan")

    rest = (lambda d: float(ways[d].mean())), (lambda d: float(spread[d].mean())), share
    return [count, *(bootstrap(len(held), each) for each in rest)]


def fer(folder: Path) -> None:
    """Measure Picbreeder's three genomes and their copies."""
    for name in PICTURES:
        for kind in ("picbreeder", "sgd"):
            drawn = Layers(folder / f"data/{kind}_{name}")
            # In layers, one link of Picbreeder's is a chain of weights; each counts once.
            weights = drawn.weights * (drawn.links if kind == "picbreeder" else 1)
            for span in SPANS:
                sweeps = sweep_weights(drawn.draw, weights.tolist(), span=span, most=MOST)
                print(name, kind, span, *figures(sweeps), sep=" | ", flush=True)


def births(graph: nx.DiGraph, count: int, seed: int = 1) -> dict[str, list[tuple[int, int]]]:
    """Draw (parent, child) of individuals with one parent that are ancestors of elites, by kind."""
    chance = np.random.default_rng(seed)
    # A run keeps the genomes of all ancestors, and opens those that ever held a niche.
    held = {id_: set(niches) for id_, niches in graph.nodes(data="held") if niches}
    found: dict[str, list[tuple[int, int]]] = {"learned": [], "bred": [], "switched": []}
    for child in sorted(held):
        parents = list(graph.predecessors(child))
        kind = graph.nodes[child]["kind"]
        if len(parents) == 1 and parents[0] in held and kind in found:
            switched = kind == "bred" and held[child].isdisjoint(held[parents[0]])
            found["switched" if switched else kind].append((parents[0], child))
    return {
        kind: [pairs[place] for place in chance.permutation(len(pairs))[:count].tolist()]
        for kind, pairs in found.items()
        if pairs
    }


def run(folder: Path, count: int = 24) -> None:
    """Measure elites of a run, and what the births of their ancestors changed."""
    with closing(open_run(folder)) as opened:
        drawn = np.random.default_rng(1).permutation(len(opened.elites))[:count].tolist()
        elites = list(opened.elites)
        for span in SPANS:
            swept = [
                sweep_genome(opened.encoding, elites[place].genome, span=span) for place in drawn
            ]
            columns = [np.array([getattr(each, name) for each in swept]) for name in MEASURES]
            means = (
                bootstrap(len(drawn), lambda rows, c=column: float(np.nanmean(c[rows])))
                for column in columns
            )
            print(folder.name, span, *means, sep=" | ", flush=True)
        for kind, pairs in births(opened.phylogeny(), count).items():
            swept = [
                [
                    sweep_genome(
                        opened.encoding,
                        load_genome(
                            opened.store, opened.encoding.loads, opened.store.candidate(id_)
                        ),
                    )
                    for id_ in pair
                ]
                for pair in pairs
            ]
            for name in MEASURES:
                values = np.array([[getattr(each, name) for each in pair] for pair in swept])
                values = values[np.isfinite(values).all(1)]
                change = np.diff(values)[:, 0]
                p = wilcoxon(change[change != 0]).pvalue if (change != 0).sum() >= 6 else None
                medians = (f"{median:.3f}" for median in np.median(values, axis=0))
                facts = f"{np.median(change):+.3f}", p, *medians, len(values)
                print(kind, name, *facts, sep=" | ", flush=True)


def sweeps(folder: Path, out: Path) -> None:
    """Draw sweeps of the skull, and of its copy: six of the measured weights each."""
    columns = []
    for kind in ("picbreeder", "sgd"):
        drawn = Layers(folder / f"data/{kind}_skull")
        weights = (drawn.weights * (drawn.links if kind == "picbreeder" else 1)).tolist()
        told = sweep_weights(drawn.draw, weights)
        # From the change that is least spread over the picture to the one that is most.
        order = np.flatnonzero(told.effective)
        order = order[np.argsort(told.spread[order])]
        places = [
            told.places[each] for each in order[np.linspace(0, len(order) - 1, 6).astype(int)]
        ]
        sizes = [find_size(drawn.draw, place, weights[place], SHOWN) for place in places]
        rows = [
            strip(sweep(drawn.draw, place, weights[place], size)[::2]).transpose(1, 2, 0)
            for place, size in zip(places, sizes, strict=True)
        ]
        gaps = [np.pad(row, ((0, 3), (0, 0), (0, 0)), constant_values=255) for row in rows]
        columns.append(np.pad(np.concatenate(gaps), ((0, 0), (0, 24), (0, 0)), constant_values=255))
    whole = Image.fromarray(np.concatenate(columns, 1)[:-3, :-24])
    whole.resize((whole.width * 3 // 2, whole.height * 3 // 2), Image.Resampling.LANCZOS).save(out)


if __name__ == "__main__":
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=["fer", "run", "sweeps"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    given = parser.parse_args()
    match given.what:
        case "fer":
            fer(given.folder)
        case "run":
            run(given.folder)
        case "sweeps":
            sweeps(given.folder, given.out)
