"""Compiled rendering against neat-python and against torch a node at a time.

``python -m benchmarks.render [--json]`` renders 200 random CPPNs of 20 nodes and 50 connections to
HSV images in three ways, in turn, round after round, and prints medians:

compiled
    ``neatfool.cppn.render`` of the whole batch; compiling the batch is timed by itself.
torch
    A genome at a time, a node at a time, with the fastest torch operation there is for each
    activation, in place, on all pixels at once. The order of the nodes is worked out beforehand.
neat-python
    ``FeedForwardNetwork.activate`` at each pixel, timed on 100 pixels of 20 genomes and scaled up.
    Networks are created beforehand, and colours are left out.

glibc is told to keep freed memory, without which "torch" takes several times as long at 256 x 256.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import random
import statistics
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.genome import DefaultGenome
from neat.nn import FeedForwardNetwork

from neatfool.cppn import ACTIVATIONS, COLOUR_MAPS, compile_genomes, render
from neatfool.cppn.colour import quantise
from neatfool.cppn.inputs import pixel_grid

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = [-1, -2, -3, -4]
OUTPUTS = [0, 1, 2]
SAMPLE_GENOMES, SAMPLE_PIXELS = 20, 100

IN_PLACE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "paper_sine": torch.Tensor.sin_,
    "paper_sigmoid": lambda z: z.sigmoid_().mul_(2.0).sub_(1.0),
    "paper_gaussian": lambda z: z.square_().neg_().exp_(),
    "paper_linear": lambda z: z.clamp_(-3.0, 3.0).div_(3.0),
}


def random_genome(rng: random.Random, key: int, nodes: int, connections: int) -> DefaultGenome:
    """Grow a genome as evolution does: split connections, then add some that close no cycle."""
    genome = DefaultGenome(key)
    order = [*INPUTS, *OUTPUTS]
    edges = {(source, sink) for source in INPUTS for sink in OUTPUTS}
    for node in range(len(OUTPUTS), nodes):
        source, sink = rng.choice(sorted(edges))
        order.insert(rng.randint(order.index(source) + 1, order.index(sink)), node)
        edges = edges - {(source, sink)} | {(source, node), (node, sink)}
    while len(edges) < connections:
        source, sink = sorted(rng.sample(order, 2), key=order.index)
        if sink not in INPUTS and source not in OUTPUTS:
            edges.add((source, sink))
    for node in sorted(set(order) - set(INPUTS)):
        gene = genome.nodes[node] = DefaultNodeGene(node)
        gene.bias, gene.response, gene.aggregation = 0.0, 1.0, "sum"
        gene.activation = rng.choice(sorted(IN_PLACE))
    for edge in sorted(edges):
        gene = genome.connections[edge] = DefaultConnectionGene(edge, innovation=0)
        gene.weight, gene.enabled = rng.uniform(-3.0, 3.0), True
    return genome


Plan = list[tuple[int, str, float, list[tuple[int, float]]]]


def plan_of(network: FeedForwardNetwork, genome: DefaultGenome) -> Plan:
    """Give nodes in an order to compute them in: key, activation, bias, inputs and weights."""
    return [
        (key, genome.nodes[key].activation, bias, links)
        for key, _, _, bias, _, links in network.node_evals
    ]


def render_by_node(plans: list[Plan], inputs: torch.Tensor, size: int) -> torch.Tensor:
    """Render with torch, a genome at a time, a node at a time; each node has an input."""
    colours = COLOUR_MAPS["hsv"]
    images = torch.empty(len(plans), 3, size * size, dtype=torch.uint8)
    for image, plan in zip(images, plans, strict=True):
        values = dict(zip(INPUTS, inputs, strict=True))
        for key, activation, bias, links in plan:
            (source, weight), *rest = links
            z = values[source] * weight
            for source, weight in rest:
                z.add_(values[source], alpha=weight)
            if bias:
                z.add_(bias)
            values[key] = IN_PLACE[activation](z)
        image.copy_(quantise(colours(torch.stack([values[key] for key in OUTPUTS])[None]))[0])
    return images.view(len(plans), 3, size, size)


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, which spares large tensors fresh pages; all ways gain."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    return bool(
        mallopt(mmap_max, 0) and mallopt(trim_threshold, 2**31 - 1) and mallopt(top_pad, 2**26)
    )


def ways_to_render(size: int, genomes: list[DefaultGenome]) -> dict[str, Callable[[], Any]]:
    """Prepare everything that is not to be timed."""
    functions = {name: each.scalar for name, each in ACTIVATIONS.items()}
    keys = SimpleNamespace(
        input_keys=INPUTS,
        output_keys=OUTPUTS,
        activation_defs=functions,
        aggregation_function_defs={"sum": sum},
    )
    networks = [
        FeedForwardNetwork.create(genome, SimpleNamespace(genome_config=keys)) for genome in genomes
    ]
    plans = [plan_of(*both) for both in zip(networks, genomes, strict=True)]
    inputs = pixel_grid(size, size, kind="normalised").inputs(0, size * size)
    pixels = inputs.T[:: max(size * size // SAMPLE_PIXELS, 1)].tolist()
    program = compile_genomes(genomes, INPUTS, OUTPUTS)

    def activate() -> float:
        for network in networks[:SAMPLE_GENOMES]:
            for pixel in pixels:
                network.activate(pixel)
        return len(genomes) / len(networks[:SAMPLE_GENOMES]) * size * size / len(pixels)

    return {
        "compile": lambda: compile_genomes(genomes, INPUTS, OUTPUTS),
        "compiled": lambda: render(
            program, height=size, width=size, inputs="normalised", colour_map="hsv"
        ),
        "torch": lambda: render_by_node(plans, inputs, size),
        "neat-python": activate,
    }


def measure(size: int, threads: int, genomes: list[DefaultGenome], rounds: int) -> dict[str, Any]:
    """Time each way in turn, round after round, the first round uncounted."""
    torch.set_num_threads(threads)
    ways = ways_to_render(size, genomes)
    times: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            results[name] = way()
            times[name].append(time.perf_counter() - began)
    took = {name: statistics.median(each[1:]) for name, each in times.items()}
    took["neat-python"] *= results["neat-python"]
    difference = (results["compiled"].int() - results["torch"].int()).abs()
    return {
        "size": size,
        "threads": threads,
        "seconds": took,
        "compiled / torch": took["compiled"] / took["torch"],
        "compile + compiled / torch": (took["compile"] + took["compiled"]) / took["torch"],
        "compiled / neat-python": took["compiled"] / took["neat-python"],
        "values equal to torch's within 1": (difference <= 1).float().mean().item(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--genomes", type=int, default=200, help="how many; 200 if absent")
    parser.add_argument("--sizes", type=int, nargs="+", default=[28, 256], help="pixels of a side")
    arguments = parser.parse_args()
    kept = keep_freed_memory()
    threads = torch.get_num_threads()
    rng = random.Random(1)
    genomes = [random_genome(rng, key, 20, 50) for key in range(arguments.genomes)]
    figures: dict[str, Any] = {
        "genomes": len(genomes),
        "malloc keeps freed memory": kept,
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "measured": [
            measure(size, number, genomes, rounds=15 if size <= 64 else 5)
            for size in arguments.sizes
            for number in sorted({1, threads})
        ],
    }
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{len(genomes)} CPPNs of 20 nodes and 50 connections, HSV; medians")
    for each in figures["measured"]:
        print(f"\n{each['size']} x {each['size']} pixels, {each['threads']} thread(s)")
        for name, took in each["seconds"].items():
            print(f"  {name:32} {1000 * took:12,.2f} ms")
        for name, ratio in each.items():
            if name not in ("size", "threads", "seconds"):
                print(f"  {name:32} {ratio:12.5f}")


if __name__ == "__main__":
    main()
