"""Reads the lineages of runs, tests what goes with the relations of classes, and sweeps weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from itertools import permutations as all_pairs
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import click
import networkx as nx
import numpy as np
from scipy import stats
from scipy.sparse import csr_array

from neatfool import Run, choose_elites, open_runs
from neatfool.measure import SPACES, image_features
from neatfool.present import FiniteRange, Names, Output

from .diversity import diversity
from .finding import QUESTIONS, Ancestry, ChanceTest, Lineage, RunComparison
from .fracture import SPAN
from .goal_switches import goal_switches
from .relations import (
    FEWEST_CLASSES,
    ClassRelations,
    find_common_ancestors,
    relate_by_table,
    relate_by_wordnet,
)
from .weight_sweep import sweep_run

_Options: TypeAlias = dict[str, Any]
"""How tests are made: their arguments ``permutations``, ``seed`` and ``note``."""


def ancestry(
    runs: Run | str | Path | Sequence[Run | str | Path],
    *,
    kinds: str | Path | None = None,
    permutations: Annotated[int, click.IntRange(min=19)] = 999,
    classes: Annotated[Sequence[str], Names()] = (),
    pairs: Annotated[int, click.IntRange(min=0)] = 12,
    span: Annotated[float, FiniteRange(0, 1, min_open=True)] = SPAN,
    seed: int = 1,
    console: Output | None = None,
) -> Ancestry:
    """Say who descends from whom in RUN, and what that tells of the network.

    You see between which classes elites' children moved (goal switches), whether related classes
    share ancestors and kinds of images more than chance would have it, and whether several runs
    find the same images. Weights are swept to see how fractured the networks behind the images
    are, along their lines of ancestors, before and after learning. The target is not asked.

    An interrupted command begins anew.

    Args:
        runs: The runs, or the folders that hold them.
        kinds: Which classes are related: a CSV file; each line has a class, its kind, the kind's
            kind, and so on.  [default: WordNet's tree, for ImageNet's classes]
        permutations: Permutations of the classes in each test; the smallest possible p is
            1 / (N + 1).
        classes: Sweep weights along the lines of these classes' elites.  [default: the 2 surest]
        pairs: Sweep N learned individuals and their parents, N bred ones, and N that switched to
            other classes. 0: sweep nothing.
        span: Sweep a weight to either side until the picture has changed by X on average, of a
            range of 1.
        seed: The seed of permutations and samples.
        console: Shows how far it is.

    Raises:
        ExperimentError: The table is wrong, or there is no such class.
        RunError: A run has no elites.

    Examples:
        neatfool ancestry runs/imagenet-1 --html ancestry.html
        neatfool ancestry runs/imagenet_quick --pairs 0 --json
        neatfool ancestry runs/imagenet-1 --classes "zebra,school bus" --html lines.html
        neatfool ancestry runs/mnist --kinds digits.csv
    """
    console = console or Output(quiet=True)
    with open_runs(runs) as opened:
        for run in opened:
            choose_elites(run, classes=classes)  # refuses wrong ones now, before the tests
        related = [
            relate_by_table(Path(kinds), run.classes) if kinds else relate_by_wordnet(run.classes)
            for run in opened
        ]
        tested = sum(each is not None for each in related)
        if len(opened) > 1:
            tested += len(SPACES) + (related[0] is not None)
        steps = sum(map(len, opened)) + permutations * tested
        with console.progress(steps, "images and permutations") as note:
            looks = [image_features(run.elites, partial(note, "images", 1)) for run in opened]
            options: _Options = {"permutations": permutations, "seed": seed}
            options["note"] = partial(note, "chance", 1)
            graphs = [run.phylogeny() for run in opened]
            lineages = [
                _read_lineage(*each, options)
                for each in zip(opened, graphs, related, looks, strict=True)
            ]
            between = _compare(opened, related[0], looks, options)
        if pairs:
            sweep = partial(sweep_run, count=pairs, span=span, seed=seed, console=console)
            lineages = [
                each.model_copy(update={"sweeps": sweep(run, graph, classes)})
                for run, graph, each in zip(opened, graphs, lineages, strict=True)
            ]
    return Ancestry(runs=tuple(lineages), between_runs=between)


def _read_lineage(
    run: Run,
    graph: nx.DiGraph,
    kinds: ClassRelations | None,
    features: dict[str, np.ndarray],
    options: _Options,
) -> Lineage:
    """Read a run's lineage, and test it."""
    holders = [elite.candidate_id for elite in run]
    fitter = nx.DiGraph((u, v) for u, v, place in graph.edges(data="position") if not place)
    fitter.add_nodes_from(graph)
    shared = find_common_ancestors(graph, dict(graph.nodes(data="generation")), holders)
    others = shared[~np.eye(len(holders), dtype=bool)]
    flows = goal_switches(run, graph, kinds)
    matrices = {"ancestors": shared} | {name: each @ each.T for name, each in features.items()}
    broad = [""] * len(run.classes)
    if kinds is not None:
        broad = [kinds.broad[place] if place >= 0 else "" for place in kinds.places]
    between = flows.between_classes
    records = [
        (*(run.classes[place] for place in pair), float(between[*pair]), *(broad[p] for p in pair))
        for pair in np.stack(between.nonzero(), 1).tolist()
    ]
    return Lineage(
        **dict(diversity(run, graph, features)),
        individuals=len(graph),
        made=dict(Counter(kind for _, kind in graph.nodes(data="kind"))),
        median_steps=float(np.median([len(nx.ancestors(fitter, id_)) for id_ in holders])),
        common_ancestor=float((others >= 0).mean()) if len(others) else None,
        goal_switches=flows.total,
        flows=flows,
        kinds=kinds.source if kinds else None,
        tests=_test(run, kinds, matrices, between, options) if kinds else {},
        sweeps=None,
        records=tuple((str(run.path), run.seed, *record) for record in records),
    )


def _known(elites: np.ndarray, kinds: ClassRelations) -> tuple[np.ndarray, np.ndarray]:
    """Find which elites' classes are known, and the likeness of these classes."""
    _, at, rows = np.intersect1d(elites, kinds.known, return_indices=True)
    return at, kinds.likeness[np.ix_(rows, rows)]


def _test(
    run: Run,
    kinds: ClassRelations,
    matrices: dict[str, np.ndarray],
    flows: csr_array,
    options: _Options,
) -> dict[str, ChanceTest]:
    """Test whether related classes have more in common than others, within a run."""
    elites = np.array([elite.index for elite in run], np.int64)
    at, likeness = _known(elites, kinds)
    if len(at) < FEWEST_CLASSES:
        return {}
    index = elites[at]
    switched, broad = flows[index][:, index].toarray(), kinds.places[index]
    matrices = {name: each[np.ix_(at, at)] for name, each in matrices.items()}
    found = relate(likeness, matrices, {"flows": switched}, **options)
    same, off = broad[:, None] == broad, ~np.eye(len(broad), dtype=bool)
    alike = {}
    if (same & off).any() and not same.all():
        # An ancestor of generation -1 is none.
        shares = matrices | {"ancestors": matrices["ancestors"] >= 0}
        alike = {
            name: (each[same & off].mean(), each[~same].mean()) for name, each in shares.items()
        }
    if total := switched[off].sum():
        alike["flows"] = (switched[same & off].sum() / total, (same & off).sum() / off.sum())
    for name, (within, otherwise) in alike.items():
        update = {"within_kinds": float(within), "otherwise": float(otherwise)}
        found[name] = found[name].model_copy(update=update)
    return {name: found[name] for name in QUESTIONS if name in found}


def _compare(
    runs: Sequence[Run],
    kinds: ClassRelations | None,
    looks: Sequence[dict[str, np.ndarray]],
    options: _Options,
) -> RunComparison | None:
    """Say whether runs find like images for a class; None if they share fewer than three."""
    names = [[elite.name for elite in run] for run in runs]
    shared = [name for name in names[0] if all(name in others for others in names[1:])]
    if len(runs) < 2 or len(shared) < FEWEST_CLASSES:
        return None
    places = [[own.index(name) for name in shared] for own in names]
    stacked = {
        space: np.stack([look[space][at] for look, at in zip(looks, places, strict=True)])
        for space in SPACES
    }
    same = {space: recur(features, **options) for space, features in stacked.items()}
    related: dict[str, ChanceTest] = {}
    if kinds is not None:
        indices = np.array([runs[0].classes.index(name) for name in shared])
        at, likeness = _known(indices, kinds)
        if len(at) >= FEWEST_CLASSES:
            matrices = {}
            for space, features in stacked.items():
                pairs = [a[at] @ b[at].T for a, b in combinations(features, 2)]
                matrices[space] = sum(pair + pair.T for pair in pairs) / (2 * len(pairs))
            related = relate(likeness, matrices, {}, **options)
    return RunComparison(classes=tuple(shared), same_class=same, related_classes=related)


def relate(
    likeness: np.ndarray,
    matrices: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    *,
    permutations: int,
    seed: int,
    note: Callable[[], None] = lambda: None,
) -> dict[str, ChanceTest]:
    """Test whether matrices, float64 [N, N], go with the likeness of classes (Mantel, 1967)."""
    off = ~np.eye(len(likeness), dtype=bool)

    def rank(matrix: np.ndarray) -> np.ndarray:
        """Give each pair the standard score of its rank, mean 0 and deviation 1, or all 0."""
        ranks, scores = stats.rankdata(matrix[off]), np.zeros(matrix.shape)
        scores[off] = (ranks - ranks.mean()) / (ranks.std() or 1)
        return scores

    ranks, values = (each.astype(np.float32) for each in (rank(likeness), likeness))
    by_rank = {name: rank(each) / off.sum() for name, each in matrices.items()}
    without_diagonal = {name: np.where(off, each, 0) for name, each in weights.items()}
    by_value = {name: each / each.sum() for name, each in without_diagonal.items() if each.any()}
    rank_rows, value_rows = (
        np.array([each.ravel() for each in rows.values()], np.float32).reshape(-1, likeness.size)
        for rows in (by_rank, by_value)
    )

    def measure(places: np.ndarray) -> np.ndarray:
        of_ranks, of_values = (each[places][:, places].ravel() for each in (ranks, values))
        return np.concatenate([rank_rows @ of_ranks, value_rows @ of_values])

    chance = np.random.default_rng(seed)
    observed, null = measure(np.arange(len(likeness))), []
    for _ in range(permutations):
        null.append(measure(chance.permutation(len(likeness))))
        note()
    names, columns = [*by_rank, *by_value], np.array(null).T
    return {
        name: ChanceTest.of(float(value), column)
        for name, value, column in zip(names, observed, columns, strict=True)
    }


def recur(
    features: np.ndarray, *, permutations: int, seed: int, note: Callable[[], None] = lambda: None
) -> ChanceTest:
    """Test whether R runs have like images for a class, by features, float32 [R, N, D]."""
    runs, classes, _ = features.shape
    own, pairs = float(np.square(features).sum()), float(classes * runs * (runs - 1))

    def measure(sum_of_runs: np.ndarray) -> float:
        return (float(np.square(sum_of_runs).sum()) - own) / pairs

    chance, null = np.random.default_rng(seed), []
    for _ in range(permutations):
        null.append(measure(sum(run[chance.permutation(classes)] for run in features)))
        note()
    return ChanceTest.of(measure(features.sum(0)), np.array(null), nearer=nearer(features))


def nearer(features: np.ndarray) -> float:
    """Say how often a class's image in another run is more alike than other classes' there."""
    found = []
    for ours, theirs in all_pairs(features, 2):
        alike = ours @ theirs.T
        own = alike.diagonal()[:, None]
        less = (alike < own).sum() + 0.5 * ((alike == own).sum() - len(own))
        found.append(less / (alike.size - len(own)))
    return float(np.mean(found))
