"""Weights swept along lines of ancestors, and of children and their parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from pydantic import Field
from scipy import stats

from neatfool import choose_elites, cppn, encode_png
from neatfool.measure import load_genome
from neatfool.present import (
    MUTED,
    Block,
    Cell,
    Chart,
    Facts,
    Panel,
    Section,
    Strip,
    Table,
    colour_of,
    evenly,
    new_axes,
    short,
)
from neatfool.wording import percent

from .fracture import GenomeSweeps, sweep, sweep_genome, take_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool import EliteView, Run
    from neatfool.present import Output

LONGEST: Final = 8
"""Of a longer line of ancestors so many are swept, evenly chosen with the first and the last."""
FEWEST: Final = 6
"""Fewer pairs cannot reach p < 0.05 in Wilcoxon's test."""
PRESENTED: Final = 3
"""So many of a line's individuals are shown with their sweeps: the elite, and two before it."""
ROWS: Final = 6
"""So many weights are shown of each: those that need the least turn to change the picture."""
UNKNOWN: Final = "-"
MEASURES: Final = ("fracture", "entangled", "shared")


def number(value: float | None, digits: int = 3) -> str:
    """Write a number that may be unknown."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def p_value(p: float | None) -> str:
    """Write a p that may be unknown."""
    return UNKNOWN if p is None else f"{p:.2g}"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


class IndividualSweep(Facts):
    """An individual of a line of ancestors, and what its swept weights tell."""

    genome: int = Field(description="the id of its genome")
    generation: int = Field(description="when it was made")
    made: str = Field(description="how it was made: `first`, `bred` or `learned`")
    name: str | None = Field(description="the class that it was best at")
    confidence: float | None = Field(description="the confidence in this class")
    swept: int = Field(description="how many of its weights were swept")
    effective: int = Field(description="how many of these can change the picture enough to count")
    fracture: float | None = Field(description="how fractured it is, from 0 to 1")
    entangled: float | None = Field(description="the share of the picture that a weight changes")
    shared: float | None = Field(description="how alike two weights change it, from 0 to 1")
    sure: str = Field(exclude=True, repr=False)
    png: bytes = Field(exclude=True, repr=False)
    sweeps: tuple[tuple[str, bytes], ...] = Field(exclude=True, repr=False)


class AncestralLine(Facts):
    """An elite's line of ancestors."""

    name: str = Field(description="the elite's class")
    steps: int = Field(description="how many steps it has from the first generation")
    individuals: tuple[IndividualSweep, ...] = Field(
        description="some of the line, the oldest first"
    )

    def panel(self) -> Panel:
        """Show the line, and the weights that change its pictures most."""
        cells, rows, tables = [], [], []
        of_sweeps = ("weight", "swept around its value")
        for each in self.individuals:
            age, name = f"{each.generation:,}", each.name or UNKNOWN
            numbers = [number(getattr(each, measure), 2) for measure in MEASURES]
            weights = f"{each.effective} of {each.swept}"
            cells.append(Cell(each.png, f"generation {age}", f"fracture {numbers[0]}"))
            rows.append([age, each.made, name, *numbers, each.sure, weights])
            best = f"{name} {each.sure}" if each.name else "never an elite"
            title = f"Generation {age}, {each.made}: {best}"
            if sweeps := each.sweeps:
                tables.append(
                    Table(of_sweeps, sweeps, title, words=(0, 1), where="page", pictures=640)
                )
        heads = ("generation", "made", "best at", *MEASURES, "sure", "weights")
        text = (
            f"{self.steps} steps from the first generation. Each row is a weight; in the middle of "
            "a row is the picture as it is. You see the weights that need the least turn to change "
            "the picture."
        )
        blocks: list[Strip | Table]
        blocks = [Strip(cells, size=112), Table(heads, rows, words=(1, 2)), *tables]
        return Panel(blocks, f"Weights swept along the line of {self.name}", text, wide=True)


class ParentChildPairs(Facts):
    """A measure of children and of their only parents."""

    children: str = Field(
        description="how the children were made: `learned`; `bred`, and they took a niche that "
        "their parent held, too; or `switched`: bred, and they took other niches only"
    )
    measure: str = Field(description="`fracture`, `entangled` or `shared`")
    values: tuple[tuple[float | None, float | None], ...] = Field(description="of parent and child")
    p: float | None = Field(description="of Wilcoxon's signed-rank test; null of too few pairs")


class RunSweeps(Facts):
    """All that was swept in a run."""

    lines: tuple[AncestralLine, ...] = Field(description="lines of ancestors of elites")
    pairs: tuple[ParentChildPairs, ...] = Field(description="children with their parents")

    def story(self, label: str) -> Iterator[Block]:
        """Tell how fractured networks are."""
        yield Section(
            f"{label}Fracture along the lines of ancestors",
            "Each weight is swept in eight steps around its value. 0: the picture changes evenly "
            "in one way; 1: each step shows another picture.",
        )
        if self.lines:
            about = "Fracture by generation, along lines of ancestors"
            yield Chart(about, self._course, "By generation", "A square was learned.")
        rows = []
        for each in self.pairs:
            known = np.array([pair for pair in each.values if None not in pair], float)
            if len(known):
                # Adding 0 turns a rounded -0.0 into 0.0.
                change = f"{round(float(np.median(np.diff(known))), 3) + 0.0:+.3f}"
                medians = map(number, np.median(known, axis=0))
                numbers = [change, p_value(each.p), *medians, f"{len(known)}"]
                rows.append([each.children, each.measure, *numbers])
        if rows:
            heads = ("children", "measure", "median change", "p", "parents", "children", "pairs")
            title = "What becomes of fracture from parent to child"
            yield Panel([Table(heads, rows, words=(0, 1))], title)
        for line in self.lines:
            yield line.panel()

    def _course(self) -> Figure:
        drawn, axes = new_axes(620, 240, left=52, right=150, bottom=46)
        for place, line in enumerate(self.lines):
            colour = colour_of(place)
            ages = [each.generation for each in line.individuals]
            values = np.array([each.fracture for each in line.individuals], float)
            axes.plot(ages, values, color=colour, linewidth=1.6)
            for each, age, value in zip(line.individuals, ages, values, strict=True):
                mark = "s" if each.made == "learned" else "o"
                axes.plot([age], [value], mark, color=colour, markersize=6)
            axes.annotate(short(line.name, 20), (ages[-1], values[-1]), xytext=(9, 0),
                          textcoords="offset points", va="center", color=colour, fontsize=9.5,
                          annotation_clip=False, parse_math=False)  # fmt: skip
        axes.margins(y=0.15)
        axes.set_xlabel("generation", fontsize=9.75, color=MUTED)
        return drawn


def plan_pairs(graph: nx.DiGraph, count: int, seed: int) -> dict[str, list[tuple[int, int]]]:
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


def sweep_run(
    run: Run,
    graph: nx.DiGraph,
    classes: Sequence[str],
    *,
    count: int,
    span: float,
    seed: int,
    console: Output,
) -> RunSweeps | None:
    """Sweep lines of classes' elites, and pairs of parent and child; None if they are no CPPNs."""
    elites = choose_elites(run, classes=classes)
    if not isinstance(elites[0].genome, cppn.Genome):
        return None
    if not classes:
        elites = sorted(elites, key=lambda elite: -elite.rank)[:2]
    held = {id_ for id_, now in graph.nodes(data="elite") if now}
    kept = graph.subgraph(held.union(*(nx.ancestors(graph, id_) for id_ in held)))
    pairs = plan_pairs(kept, count, seed)
    steps = sum(min(LONGEST, len(run.lineage(elite.index))) for elite in elites)
    steps += 2 * sum(map(len, pairs.values()))

    def measure(genome: Any) -> GenomeSweeps:
        swept = sweep_genome(run.encoding, genome, span=span, seed=seed)
        note(f"{run.path.name}: sweeps", 1)
        return swept

    def measure_id(id_: int) -> GenomeSweeps:
        return measure(load_genome(run.store, run.encoding.loads, run.store.candidate(id_)))

    found = []
    with console.progress(steps, "individuals swept") as note:
        for kind, chosen in pairs.items():
            swept = [[measure_id(id_) for id_ in pair] for pair in chosen]
            for name in MEASURES:
                values = np.array([[getattr(each, name) for each in pair] for pair in swept])
                change = np.diff(values)[:, 0]
                change = change[np.isfinite(change) & (change != 0)]
                p = float(stats.wilcoxon(change).pvalue) if len(change) >= FEWEST else None
                known = tuple((_known(before), _known(after)) for before, after in values)
                found.append(ParentChildPairs(children=kind, measure=name, values=known, p=p))
        lines = [_sweep_line(run, graph, elite, measure) for elite in elites]
    return RunSweeps(lines=tuple(lines), pairs=tuple(found))


def _sweep_line(
    run: Run, graph: nx.DiGraph, elite: EliteView, measure: Callable[[Any], GenomeSweeps]
) -> AncestralLine:
    line = run.lineage(elite.index)[::-1]
    chosen = [line[place] for place in evenly(len(line), LONGEST)]
    presented = {chosen[place].candidate_id for place in evenly(len(chosen), PRESENTED)}
    swept = []
    for each in chosen:
        sweeps, sure = measure(each.genome), UNKNOWN
        if each.confidence is not None and each.rank is not None:
            sure = percent(each.confidence, each.rank)
        shown = _draw_sweeps(run, each.genome, sweeps) if each.candidate_id in presented else []
        swept.append(
            IndividualSweep(
                genome=each.candidate_id,
                generation=each.generation,
                made=graph.nodes[each.candidate_id]["kind"],
                name=each.name,
                confidence=each.confidence,
                swept=len(sweeps.places),
                effective=int(sweeps.effective.sum()),
                **{name: _known(getattr(sweeps, name)) for name in MEASURES},
                sure=sure,
                png=encode_png(each.pixels(160)),
                sweeps=tuple(shown),
            )
        )
    return AncestralLine(name=elite.name, steps=len(line) - 1, individuals=tuple(swept))


def _draw_sweeps(run: Run, genome: Any, sweeps: GenomeSweeps) -> list[tuple[str, bytes]]:
    """Draw the sweeps of the weights that matter most: what the weight connects, and a PNG."""
    graph = run.encoding.graph(genome)
    assert graph is not None
    labels = dict(graph.nodes(data="label"))
    edges, weights, draw = take_weights(run.encoding, genome)
    found = []
    for swept in np.argsort(sweeps.sizes, kind="stable")[:ROWS].tolist():
        place = sweeps.places[swept]
        (source, target), weight = edges[place], weights[place]
        label = f"{labels[source]} → {labels[target]}, {weight:.2g}"
        found.append((label, encode_png(strip(sweep(draw, place, weight, sweeps.sizes[swept])))))
    return found


def strip(pictures: np.ndarray) -> np.ndarray:
    """Put pictures side by side, from uint8 [N, C, H, W] to [C, H, W], with white gaps."""
    parted = np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 3)), constant_values=255)
    return parted.transpose(1, 2, 0, 3).reshape(*pictures.shape[1:3], -1)[..., :-3]
