"""Rendering against torch a node at a time: 200 CPPNs, 3 outputs as HSV.

``python -m benchmarks render`` renders random CPPNs of 20 nodes and 50 connections, and of 45 nodes
and 140 connections, at 28x28 and 256x256, in one thread and in as many as torch has, in these ways
in turn, round after round:

compiled
    ``neatfool.cppn.render`` of a tape, and with it ``compile_tape``. Where numba is missing, the
    plain renderer has to keep the bounds.
plain
    ``neatfool.cppn.render`` of a program, and with it ``compile_genomes``.
torch
    A genome at a time, a node at a time, with the fastest torch operation there is for each
    activation, in place, on all pixels at once. The order of the nodes is worked out beforehand.
neat-python
    ``FeedForwardNetwork.activate`` at each pixel, timed on a few pixels of some genomes and scaled
    up. Networks are created beforehand, and colours are left out.

Then it renders the larger ones at 224x224 with the band limit of ``preset = patterns`` and without,
in turn, by the best renderer, in one thread. At 64x64 it renders those whose nodes all have an
activation that a program added, sin(5 z), and those with neatfool's own of that formula, in turn.

glibc is told to keep freed memory, without which "torch" takes several times as long at 256x256.
"""

from __future__ import annotations

import random
import time
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.genome import DefaultGenome
from neat.nn import FeedForwardNetwork

from benchmarks.figures import Figure
from neatfool.cppn import (
    ACTIVATIONS,
    COLOUR_MAPS,
    Look,
    add_activation,
    can_compile,
    compile_genomes,
    compile_tape,
    render,
)
from neatfool.cppn.draw.colour import quantise
from neatfool.cppn.draw.lattice import lay_lattice
from neatfool.machine import tune_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INPUTS = [-1, -2, -3, -4]
OUTPUTS = [0, 1, 2]
GENOMES = 200
POPULATIONS = ((20, 50), (45, 140))
BOUNDS = {28: 0.2, 256: 0.5}
ROUNDS = {28: 7, 256: 1}
LIMITED_SIZE, LIMITED_ROUNDS = 224, 3
ADDED_SIZE, ADDED_ROUNDS = 64, 31
BAND_LIMIT = 2.0
"""As in ``preset = patterns``."""
SAMPLE_GENOMES, SAMPLE_PIXELS = 10, 50

IN_PLACE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "paper_sine": torch.Tensor.sin_,
    "paper_sigmoid": lambda z: z.sigmoid_().mul_(2.0).sub_(1.0),
    "paper_gaussian": lambda z: z.square_().neg_().exp_(),
    "paper_linear": lambda z: z.clamp_(-3.0, 3.0).div_(3.0),
}


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure each population at each size, in one thread and in all."""
    tune_process()
    allowed = torch.get_num_threads()
    found = []
    try:
        for nodes, connections in POPULATIONS:
            rng = random.Random(1)
            genomes = [random_genome(rng, key, nodes, connections) for key in range(GENOMES)]
            for size, bound in BOUNDS.items():
                for threads in sorted({1, allowed}):
                    torch.set_num_threads(threads)
                    times, images = measure(genomes, size, ROUNDS[size])
                    title = f"{size}x{size}, {nodes} nodes, {threads} thread(s)"
                    say(table(title, times))
                    found += ratios(title, times, bound)
                found += differences(f"{size}x{size}, {nodes} nodes", images)
            if nodes == POPULATIONS[-1][0]:
                torch.set_num_threads(1)
                found.append(
                    limiting(
                        genomes, f"{LIMITED_SIZE}x{LIMITED_SIZE}, {nodes} nodes, 1 thread(s)", say
                    )
                )
                if can_compile():
                    found += adding(genomes, say)
    finally:
        torch.set_num_threads(allowed)
    return found


def limiting(genomes: Sequence[DefaultGenome], title: str, say: Callable[[str], None]) -> Figure:
    """Measure how many times as long an image takes with a band limit."""
    program = (compile_tape if can_compile() else compile_genomes)(genomes, INPUTS, OUTPUTS)
    ways = {"points": 0.0, "band limit": BAND_LIMIT}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(LIMITED_ROUNDS + 1):
        for name, limit in ways.items():
            began = time.perf_counter()
            render(program, Look(LIMITED_SIZE, LIMITED_SIZE, "normalised", "hsv", None, limit))
            times[name].append(time.perf_counter() - began)
    times = {name: each[1:] for name, each in times.items()}
    say(table(title, times))
    ratio = median(limited / points for points, limited in zip(*times.values(), strict=True))
    return Figure(f"{title}: band limit / points", ratio, 2.0)


def adding(genomes: Sequence[DefaultGenome], say: Callable[[str], None]) -> list[Figure]:
    """Measure how many times as long images of an added activation take as those of ``sin``."""
    add_activation("added_sine", lambda xp, z: xp.sin(5 * z), source="benchmarks")
    programs = {}
    for name in ("sin", "added_sine"):
        for gene in (gene for genome in genomes for gene in genome.nodes.values()):
            gene.activation = name
        programs[name] = compile_tape(genomes, INPUTS, OUTPUTS)
    found = []
    for limit in (0.0, BAND_LIMIT):
        look = Look(ADDED_SIZE, ADDED_SIZE, "normalised", "hsv", None, limit)
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(ADDED_ROUNDS):
            for name, program in programs.items():
                began = time.thread_time()
                render(program, look)
                times[name].append(time.thread_time() - began)
        ratio = median(added / own for own, added in zip(*times.values(), strict=True))
        title = f"an added activation, band limit {limit:g}"
        say(table(title, times))
        found.append(Figure(f"{title}: sin(5 z) / built-in sin", ratio, 1.3))
    return found


def measure(
    genomes: Sequence[DefaultGenome], size: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, torch.Tensor]]:
    """Time each way in turn, round after round, the first round uncounted.

    Returns:
        The seconds of each round, and what was rendered, by way.
    """
    ways = ways_to_render(genomes, size)
    times: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            results[name] = way()
            times[name].append(time.perf_counter() - began)
    scale = results.pop("neat-python")
    times["neat-python"] = [scale * each for each in times["neat-python"]]
    images = {name: each for name, each in results.items() if isinstance(each, torch.Tensor)}
    return {name: each[1:] for name, each in times.items()}, images


def ways_to_render(genomes: Sequence[DefaultGenome], size: int) -> dict[str, Callable[[], Any]]:
    """Prepare everything that is not to be timed."""
    networks = networks_of(genomes)
    plans = [plan_of(*both) for both in zip(networks, genomes, strict=True)]
    look = Look(size, size, "normalised", "hsv")
    inputs = lay_lattice(look).tables(0, size * size)[0]
    pixels = inputs.T[:: max(size * size // SAMPLE_PIXELS, 1)].tolist()

    def activate() -> float:
        for network in networks[:SAMPLE_GENOMES]:
            for pixel in pixels:
                network.activate(pixel)
        return len(genomes) / len(networks[:SAMPLE_GENOMES]) * size * size / len(pixels)

    program = compile_genomes(genomes, INPUTS, OUTPUTS)
    ways: dict[str, Callable[[], Any]] = {
        "torch": lambda: render_by_node(plans, inputs, size),
        "plain": lambda: render(program, look),
        "compiling for plain": lambda: compile_genomes(genomes, INPUTS, OUTPUTS),
        "neat-python": activate,
    }
    if can_compile():
        tape = compile_tape(genomes, INPUTS, OUTPUTS)
        ways["compiled"] = lambda: render(tape, look)
        ways["compiling for compiled"] = lambda: compile_tape(genomes, INPUTS, OUTPUTS)
    if torch.cuda.is_available():
        ways["plain, on the GPU"] = lambda: render(program, look, device="cuda").cpu()
    return ways


def ratios(title: str, times: dict[str, list[float]], bound: float) -> list[Figure]:
    """Give the figures of one measurement: medians of each round's ratio to torch."""

    def ratio(*ours: str) -> float:
        rounds = zip(times["torch"], *(times[name] for name in ours), strict=True)
        return float(median(sum(mine) / torchs for torchs, *mine in rounds))

    best = "compiled" if "compiled" in times else "plain"
    found = [
        Figure(
            f"{title}: {best} with compiling / torch", ratio(best, f"compiling for {best}"), bound
        ),
        Figure(f"{title}: {best} / torch", ratio(best)),
    ]
    if best != "plain":
        found += [
            Figure(f"{title}: plain with compiling / torch", ratio("plain", "compiling for plain")),
            Figure(f"{title}: plain / torch", ratio("plain")),
        ]
    return found


def differences(title: str, images: dict[str, torch.Tensor]) -> list[Figure]:
    """Give how much of the compiled renderer's images differs from the plain one's."""
    if "compiled" not in images:
        return []
    difference = (images["compiled"].int() - images["plain"].int()).abs()
    share, most = (difference > 0).float().mean().item(), difference.max().item()
    return [
        Figure(f"{title}: share of values where compiled and plain differ", share, 1e-3),
        Figure(f"{title}: by how many grey levels at most", most, 1),
    ]


def table(title: str, times: dict[str, list[float]]) -> str:
    """List the median times."""
    lines = [f"{name:24}{1000 * median(each):12,.2f} ms" for name, each in times.items()]
    return "\n  ".join([title, *lines])


def networks_of(genomes: Sequence[DefaultGenome]) -> list[FeedForwardNetwork]:
    """Create neat-python's networks."""
    keys = SimpleNamespace(
        input_keys=INPUTS,
        output_keys=OUTPUTS,
        activation_defs={name: each.scalar for name, each in ACTIVATIONS.items()},
        aggregation_function_defs={"sum": sum},
    )
    config = SimpleNamespace(genome_config=keys)
    return [FeedForwardNetwork.create(genome, config) for genome in genomes]


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
        outputs = torch.stack([values[key] for key in OUTPUTS])[None]
        image.copy_(quantise(colours(outputs))[0])
    return images.view(len(plans), 3, size, size)
