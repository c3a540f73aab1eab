"""Reads the lineages of runs, tests what goes with the relations of classes, and sweeps weights."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from neatfool.analysis.chance import ChanceTest, recur, relate
from neatfool.analysis.diversity import diversity
from neatfool.analysis.goal_switches import goal_switches
from neatfool.analysis.kinds import FEWEST, closest, table_kinds, wordnet_kinds
from neatfool.analysis.lineage import QUESTIONS, Ancestry, Between, Lineage
from neatfool.analysis.sweeping import LONGEST, plan_pairs, sweep_run
from neatfool.fooling.choosing import choose_elites
from neatfool.fooling.likeness import SPACES, image_features
from neatfool.fooling.opening import open_runs
from neatfool.present.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from neatfool.analysis.kinds import Kinds
    from neatfool.analysis.sweeping import Sweeping
    from neatfool.run.run import Run

_How: TypeAlias = dict[str, Any]
"""How tests are made: their arguments ``permutations``, ``seed`` and ``note``."""
LINES: Final = 2
"""Without classes, the lines of so many elites of each run are swept: the surest ones."""


class _Read(NamedTuple):
    """A run, how its classes are related, and its elites' features; see :mod:`.likeness`."""

    run: Run
    kinds: Kinds | None
    features: dict[str, np.ndarray]


def ancestry(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    kinds: str | Path | None = None,
    permutations: int = 999,
    classes: Sequence[str] = (),
    pairs: int = 12,
    span: float = 0.1,
    seed: int = 1,
    console: Output | None = None,
) -> Ancestry:
    """Say who descends from whom in runs, and what that tells of the network.

    Args:
        runs: The runs, or the folders that hold them.
        kinds: A CSV file of which classes are related; each line has a class, its kind, the kind's
            kind, and so on. WordNet's tree if absent, which knows ImageNet's classes.
        permutations: Permutations of the classes in each test.
        classes: Weights are swept along the lines of these classes' elites; of the two surest if
            empty.
        pairs: How many learned individuals, and how many bred ones, are swept with their parents;
            0 sweeps nothing, no lines either.
        span: How far a weight is swept to either side, in root mean squares of its genome's.
        seed: The seed of permutations and samples.
        console: Shows how far it is.

    Raises:
        ExperimentError: The table is wrong, or there is no such class.
        RunError: A run has no elites.
    """
    console = console or Output(quiet=True)
    with open_runs(runs) as opened:
        for run in opened:
            choose_elites(run, classes=classes)  # refuses wrong ones now, before the tests
        related = [
            table_kinds(Path(kinds), run.classes) if kinds else wordnet_kinds(run.classes)
            for run in opened
        ]
        tested = sum(each is not None for each in related)
        if len(opened) > 1:
            tested += len(SPACES) + (related[0] is not None)
        steps = sum(map(len, opened)) + permutations * tested
        with console.progress(steps, "images and permutations") as note:
            read = [
                _Read(run, of, image_features(run.elites, lambda: note("images", 1)))
                for run, of in zip(opened, related, strict=True)
            ]
            test: _How = {
                "permutations": permutations,
                "seed": seed,
                "note": partial(note, "chance", 1),
            }
            told = [_read_lineage(each, test) for each in read]
            between = _compare(read, test)
        if pairs:
            for place, (run, each) in enumerate(zip(opened, told, strict=True)):
                graph = each.phylogeny
                swept = _sweep(run, graph, classes, pairs, span=span, seed=seed, console=console)
                told[place] = each.model_copy(update={"sweeps": swept})
        return Ancestry(runs=tuple(told), between_runs=between)


def _read_lineage(read: _Read, how: _How) -> Lineage:
    """Read a run's lineage, and test it."""
    run, kinds = read.run, read.kinds
    graph = run.phylogeny()
    holders = [elite.candidate_id for elite in run]
    shared = closest(graph, dict(graph.nodes(data="generation")), holders)
    others = shared[~np.eye(len(holders), dtype=bool)]
    flows = goal_switches(run, graph, kinds)
    broad = [
        kinds.broad[place] if kinds is not None and place >= 0 else ""
        for place in (kinds.of if kinds is not None else [-1] * len(run.classes))
    ]
    between = flows.between_classes
    records = [
        (*(run.classes[place] for place in pair), float(between[*pair]), *(broad[p] for p in pair))
        for pair in np.argwhere(between > 0).tolist()
    ]
    return Lineage(
        **dict(diversity(run, graph, read.features)),
        individuals=len(graph),
        made=dict(Counter(kind for _, kind in graph.nodes(data="kind"))),
        median_steps=float(np.median([_steps(graph, id_) for id_ in holders])),
        common_ancestor=float((others >= 0).mean()) if len(others) else None,
        goal_switches=flows.total,
        flows=flows,
        kinds=kinds.source if kinds else None,
        tests=_test(read, shared, between, how),
        sweeps=None,
        records=tuple((str(run.path), run.seed, *record) for record in records),
        phylogeny=graph,
    )


def _steps(graph: nx.DiGraph, id_: int) -> int:
    """Count the parents between an individual and the first generation, by the fitter one."""
    steps = 0
    while parents := [u for u, _, place in graph.in_edges(id_, "position") if place == 0]:
        id_, steps = parents[0], steps + 1
    return steps


def _known(elites: np.ndarray, kinds: Kinds) -> tuple[np.ndarray, np.ndarray]:
    """Find which elites' classes are known, and the likeness of these classes."""
    _, at, rows = np.intersect1d(elites, kinds.known, return_indices=True)
    return at, kinds.likeness[np.ix_(rows, rows)]


def _test(read: _Read, shared: np.ndarray, flows: np.ndarray, how: _How) -> dict[str, ChanceTest]:
    """Test whether related classes have more in common than others, within a run."""
    if read.kinds is None:
        return {}
    elites = np.array([elite.index for elite in read.run], np.int64)
    at, likeness = _known(elites, read.kinds)
    if len(at) < FEWEST:
        return {}
    index = elites[at]
    switched, of = flows[np.ix_(index, index)], read.kinds.of[index]
    matrices = {"ancestors": shared[np.ix_(at, at)]}
    matrices |= {name: each[at] @ each[at].T for name, each in read.features.items()}
    found = relate(likeness, matrices, {"flows": switched}, **how)
    same, off = of[:, None] == of, ~np.eye(len(of), dtype=bool)
    alike: dict[str, tuple[float, float]] = {}
    if (same & off).any() and not same.all():
        # An ancestor of generation -1 is none.
        told = matrices | {"ancestors": matrices["ancestors"] >= 0}
        alike = {n: (float(m[same & off].mean()), float(m[~same].mean())) for n, m in told.items()}
    if total := switched[off].sum():
        chance = (same & off).sum() / off.sum()
        alike["flows"] = (float(switched[same & off].sum() / total), float(chance))
    for name, (within, otherwise) in alike.items():
        update = {"within_kinds": within, "otherwise": otherwise}
        found[name] = found[name].model_copy(update=update)
    return {name: found[name] for name in QUESTIONS if name in found}


def _compare(read: Sequence[_Read], how: _How) -> Between | None:
    """Say whether runs find like images for a class; None if they share fewer than three."""
    names = [[elite.name for elite in each.run] for each in read]
    shared = [name for name in names[0] if all(name in others for others in names[1:])]
    if len(read) < 2 or len(shared) < FEWEST:
        return None
    places = [[own.index(name) for name in shared] for own in names]
    stacked = {
        space: np.stack([each.features[space][at] for each, at in zip(read, places, strict=True)])
        for space in SPACES
    }
    same = {space: recur(features, **how) for space, features in stacked.items()}
    related = _related(read[0], shared, stacked, how)
    return Between(classes=tuple(shared), same_class=same, related_classes=related)


def _related(
    first: _Read, shared: Sequence[str], stacked: dict[str, np.ndarray], how: _How
) -> dict[str, ChanceTest]:
    """Test whether images of related classes are alike between runs."""
    if first.kinds is None:
        return {}
    indices = np.array([first.run.classes.index(name) for name in shared])
    at, likeness = _known(indices, first.kinds)
    if len(at) < FEWEST:
        return {}
    matrices = {}
    for space, features in stacked.items():
        pairs = [a[at] @ b[at].T for a, b in combinations(features, 2)]
        matrices[space] = sum(pair + pair.T for pair in pairs) / (2 * len(pairs))
    return relate(likeness, matrices, {}, **how)


def _sweep(
    run: Run,
    graph: nx.DiGraph,
    classes: Sequence[str],
    pairs: int,
    *,
    span: float,
    seed: int,
    console: Output,
) -> Sweeping | None:
    """Sweep lines of ancestors and pairs of a run."""
    elites = choose_elites(run, classes=classes)
    if not classes:
        elites = sorted(elites, key=lambda elite: -elite.rank)[:LINES]
    drawn = plan_pairs(run.phylogeny(elites=True), pairs, seed)
    lines = sum(min(LONGEST, len(run.lineage(elite.index))) for elite in elites)
    steps = lines + 2 * sum(map(len, drawn.values()))
    with console.progress(steps, "individuals swept") as note:
        return sweep_run(
            run,
            graph,
            elites,
            drawn,
            span=span,
            seed=seed,
            note=lambda: note(f"{run.path.name}: sweeps", 1),
        )
