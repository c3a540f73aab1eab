"""Puts together what the lineages of some runs tell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .chance import nearer, recur, relate
from .flows import group_flows
from .kinds import FEWEST
from .likeness import SPACES, image_features
from .lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import Run

    from .chance import Finding
    from .flows import Flows
    from .kinds import Kinds
    from .lines import Lines
    from .sweeping import Sweeping


@dataclass(frozen=True)
class Ancestry:
    """What the lineage of one run tells.

    Attributes:
        lines: The lineage.
        kinds: How its classes are related; None if nothing is known of that.
        flows: Its goal switches between groups.
        features: For each space of :mod:`.likeness` float32 [N, D], of the elites in their order.
        findings: The tests, by name: ``flows``, ``ancestors``, ``layout`` and ``texture``.
        alike: For each test (value for pairs of one broad kind, value for other pairs), in words
            that :mod:`.wording` has.
        sweeping: What was swept; None if nothing was.
    """

    lines: Lines
    kinds: Kinds | None
    flows: Flows
    features: dict[str, np.ndarray]
    findings: dict[str, Finding]
    alike: dict[str, tuple[float, float]]
    sweeping: Sweeping | None = None

    @property
    def run(self) -> Run:
        """The run."""
        return self.lines.run


@dataclass(frozen=True)
class Across:
    """Whether several runs find the same images for a class.

    Attributes:
        classes: The names of the N classes that all runs have an elite of.
        same: For each space, the mean correlation of two runs' images of a class.
        nearer: For each space, how often such an image is more alike than one of another class.
        related: For each space, whether images of related classes are alike between runs.
    """

    classes: tuple[str, ...]
    same: dict[str, Finding]
    nearer: dict[str, float]
    related: dict[str, Finding]


def read_ancestry(
    run: Run,
    kinds: Kinds | None,
    *,
    permutations: int,
    seed: int,
    note: Callable[[str, int], None],
) -> Ancestry:
    """Read a run's lineage, and test it.

    Args:
        run: The run.
        kinds: How its classes are related, if that is known.
        permutations: Of each test.
        seed: Of the permutations.
        note: Called with what is under way, and how many images or permutations are done.
    """
    note(f"{run.path.name}: lineage", 0)
    lines = read_lines(run)
    features = image_features(run.elites, lambda: note(f"{run.path.name}: images", 1))
    findings: dict[str, Finding] = {}
    alike: dict[str, tuple[float, float]] = {}
    at, rows = _known(lines.elites, kinds)
    if kinds is not None and len(at) >= FEWEST:
        index = lines.elites[at]
        matrices = {"ancestors": lines.shared[np.ix_(at, at)]}
        matrices |= {name: f[at] @ f[at].T for name, f in features.items()}
        switched = lines.flows[np.ix_(index, index)]
        findings = relate(
            kinds.likeness[np.ix_(rows, rows)],
            matrices,
            {"flows": switched},
            permutations=permutations,
            seed=seed,
            note=lambda: note(f"{run.path.name}: chance", 1),
        )
        alike = _alike(kinds.of[index], matrices, switched)
    return Ancestry(lines, kinds, group_flows(run, lines.flows, kinds), features, findings, alike)


def _known(elites: np.ndarray, kinds: Kinds | None) -> tuple[np.ndarray, np.ndarray]:
    """Find which elites' classes are known, and their rows in the likeness."""
    known = kinds.known if kinds is not None else np.zeros(0, np.int64)
    _, at, rows = np.intersect1d(elites, known, return_indices=True)
    return at, rows


def _alike(
    of: np.ndarray, matrices: dict[str, np.ndarray], switched: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Compare pairs of classes of one broad kind with the others."""
    same = of[:, None] == of
    off = ~np.eye(len(of), dtype=bool)
    found: dict[str, tuple[float, float]] = {}
    if (same & off).any() and not same.all():
        # An ancestor of generation -1 is none.
        told = matrices | {"ancestors": matrices["ancestors"] >= 0}
        found = {n: (float(m[same & off].mean()), float(m[~same].mean())) for n, m in told.items()}
    if total := switched[off].sum():
        chance = (same & off).sum() / off.sum()
        found["flows"] = (float(switched[same & off].sum() / total), float(chance))
    return found


def compare_runs(
    told: Sequence[Ancestry], *, permutations: int, seed: int, note: Callable[[str, int], None]
) -> Across | None:
    """Say whether runs find like images for a class; None if they share fewer than three."""
    names = [[each.run.classes[index] for index in each.lines.elites] for each in told]
    shared = [name for name in names[0] if all(name in others for others in names[1:])]
    if len(told) < 2 or len(shared) < FEWEST:
        return None
    places = [[own.index(name) for name in shared] for own in names]
    stacked = {
        space: np.stack([each.features[space][at] for each, at in zip(told, places, strict=True)])
        for space in SPACES
    }
    return Across(
        tuple(shared),
        {
            space: recur(
                features,
                permutations=permutations,
                seed=seed,
                note=lambda: note("between runs", 1),
            )
            for space, features in stacked.items()
        },
        {space: nearer(features) for space, features in stacked.items()},
        _related(told[0], shared, stacked, permutations=permutations, seed=seed),
    )


def _related(
    first: Ancestry,
    shared: Sequence[str],
    stacked: dict[str, np.ndarray],
    *,
    permutations: int,
    seed: int,
) -> dict[str, Finding]:
    """Test whether images of related classes are alike between runs."""
    indices = np.array([first.run.classes.index(name) for name in shared])
    at, rows = _known(indices, first.kinds)
    if first.kinds is None or len(at) < FEWEST:
        return {}
    matrices = {}
    for space, features in stacked.items():
        pairs = [(a[at] @ b[at].T) for a, b in combinations(features, 2)]
        matrices[space] = sum(pair + pair.T for pair in pairs) / (2 * len(pairs))
    likeness = first.kinds.likeness[np.ix_(rows, rows)]
    return relate(likeness, matrices, {}, permutations=permutations, seed=seed)
