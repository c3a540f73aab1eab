"""Ancestry in words, for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool import percent, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neatfool import Ancestor

    from .ancestry import Across, Ancestry
    from .chance import Finding
    from .flows import Flows
    from .sweeping import Line, Pairs

UNKNOWN: Final = "-"
MADE: Final = ("first", "bred", "learned")
QUESTIONS: Final = {
    "flows": "Goal switches lead to related classes",
    "ancestors": "Related classes share later ancestors",
    "texture": "Related classes have images alike in texture",
    "layout": "Related classes have images alike in layout",
}
MEASURES: Final = {
    "flows": "mean likeness of the two classes",
    "ancestors": "rank correlation",
    "texture": "rank correlation",
    "layout": "rank correlation",
}
ALIKE: Final = {
    "flows": ("of the goal switches stay within a broad kind", "of all pairs of classes do"),
    "ancestors": (
        "of the pairs of one broad kind have a common ancestor",
        "of the pairs of different kinds",
    ),
    "texture": ("mean correlation within a broad kind", "between kinds"),
    "layout": ("mean correlation within a broad kind", "between kinds"),
}
SIGNIFICANT: Final = 0.05


def number(value: float, digits: int = 3) -> str:
    """Write a number that may be unknown."""
    return UNKNOWN if np.isnan(value) else f"{value:.{digits}f}"


def name_of(told: Ancestry) -> str:
    """Name a run: ``"imagenet, seed 1"``."""
    return f"{told.run.name}, seed {told.run.seed}"


def subject(told: Ancestry) -> str:
    """Say what was looked at."""
    count = len(told.lines.elites)
    return (
        f"{name_of(told)}, after {told.run.evaluations:,} images: {count:,} "
        f"elite{'s' * (count != 1)}"
    )


def facts(told: Ancestry) -> list[tuple[str, str]]:
    """Give what a lineage is made of, each with its name."""
    lines = told.lines
    made = ", ".join(
        f"{lines.made[k]:,} {k}" for k in ("first", "bred", "learned") if k in lines.made
    )
    if not len(lines.elites):
        return [("ever an elite", f"{len(lines.graph):,} ({made})")]
    shared = lines.shared[~np.eye(len(lines.elites), dtype=bool)] >= 0
    with_ancestor = float(shared.mean()) if len(shared) else float("nan")
    return [
        ("ever an elite", f"{len(lines.graph):,} ({made})"),
        ("goal switches", f"{lines.flows.sum():,.0f}"),
        ("steps from the first generation to an elite, median", f"{np.median(lines.steps):.0f}"),
        ("first individuals that elites descend from", f"{lines.founders:,}"),
        ("elites that descend from the most fruitful one", share(lines.fruitful)),
        (
            "pairs of elites with a common ancestor",
            share(with_ancestor),
        ),
    ]


def test_row(name: str, finding: Finding) -> list[str]:
    """Write a test: what was found, what chance gives, how far that is apart, and p."""
    return [
        MEASURES.get(name, "mean correlation"),
        number(finding.observed),
        number(finding.expected),
        f"{finding.deviations:+.1f}",
        p_value(finding.p),
    ]


def p_value(p: float) -> str:
    """Write a p."""
    return UNKNOWN if np.isnan(p) else f"{p:.2g}"


def across_rows(across: Across) -> list[tuple[str, list[str]]]:
    """Write the tests between runs, each with its question."""
    rows = [
        (f"Runs find images alike in {space} for the same class", test_row("", finding))
        for space, finding in sorted(across.same.items(), reverse=True)
    ]
    return rows + [
        (f"Related classes have images alike in {space}, between runs", test_row(space, finding))
        for space, finding in sorted(across.related.items(), reverse=True)
    ]


def largest(flows: Flows, most: int) -> list[tuple[str, str, str, str]]:
    """List the largest flows: from, to, how many, and how many times chance."""
    order = np.argsort(-flows.counts, axis=None, kind="stable")[:most].tolist()
    places = [divmod(place, len(flows.names)) for place in order]
    return [
        (
            flows.names[row],
            flows.names[column],
            f"{flows.counts[row, column]:,.0f}",
            times(float(flows.counts[row, column]), float(flows.expected[row, column])),
        )
        for row, column in places
        if flows.counts[row, column] > 0
    ]


def times(count: float, expected: float) -> str:
    """Write how many times chance a flow is: ``"2.4 x"``."""
    return f"{count / expected:.1f} x" if expected else UNKNOWN


def headlines(told: Ancestry) -> list[str]:
    """Say in a sentence each what was found."""
    said = []
    for name in QUESTIONS:
        if name not in told.findings:
            continue
        finding = told.findings[name]
        sure = finding.p < SIGNIFICANT
        text = f"{QUESTIONS[name]}: {'yes' if sure else 'not more than by chance'}"
        if name in told.alike:
            within, other = told.alike[name]
            write = number if name in ("texture", "layout") else share
            text += f". {write(within)} {ALIKE[name][0]}, {write(other)} {ALIKE[name][1]}"
        said.append(f"{text} (p = {p_value(finding.p)}).")
    return said or [_descent(told)]


def _descent(told: Ancestry) -> str:
    """Say whom the elites descend from, where nothing can be tested."""
    lines = told.lines
    return (
        f"{len(lines.elites):,} elites descend from {lines.founders:,} first individuals, and "
        f"{share(lines.fruitful)} of them from the most fruitful one."
    )


def across_headline(across: Across) -> str:
    """Say in a sentence whether runs find the same images."""
    parts = [
        f"in {space} {share(across.nearer[space])} of the time (p = "
        f"{p_value(across.same[space].p)})"
        for space in sorted(across.same, reverse=True)
    ]
    return (
        "Another run's image of the same class is more alike than one of another class "
        f"{' and '.join(parts)}; 50 % would be chance."
    )


def _sure(individual: Ancestor) -> str:
    confidence, rank = individual.confidence, individual.rank
    return UNKNOWN if confidence is None or rank is None else percent(confidence, rank)


def line_rows(line: Line) -> list[list[str]]:
    """Write an elite's line of ancestors, the oldest first."""
    return [
        [
            f"{each.individual.generation:,}",
            each.kind,
            each.individual.name or UNKNOWN,
            number(each.sweeps.fracture, 2),
            number(each.sweeps.entangled, 2),
            _sure(each.individual),
            f"{int(each.sweeps.effective.sum())} of {len(each.sweeps.edges)}",
        ]
        for each in line.swept
    ]


LINE_HEADS: Final = (
    "generation",
    "made",
    "best at",
    "fracture",
    "entangled",
    "sure",
    "weights",
)
PAIR_HEADS: Final = ("children", "measure", "median change", "p", "parents", "children", "pairs")


def pair_rows(pairs: Sequence[Pairs]) -> list[list[str]]:
    """Write how children differ from their parents."""
    rows = []
    for each in pairs:
        for name, values in (("fracture", each.fracture), ("entangled", each.entangled)):
            known = values[np.isfinite(values).all(1)]
            if len(known):
                before, after = np.median(known, axis=0)
                # Adding 0 turns a rounded -0.0 into 0.0.
                change = round(float(np.median(np.diff(known))), 3) + 0.0
                tested = [f"{change:+.3f}", p_value(each.p(values))]
                sizes = [number(before), number(after), f"{len(known)}"]
                rows.append([each.kind, name, *tested, *sizes])
    return rows


def limits(told: Sequence[Ancestry], across: Across | None) -> Iterator[str]:
    """Say what limits the figures."""
    if any(each.kinds is None for each in told):
        yield (
            "The classes are not ImageNet's, so nothing is known of their relations, and these "
            "tests are left out. Give a table with --kinds FILE."
        )
    if len(told) < 2:
        yield "This is one run. Give several to see whether they find the same images."
    elif across is None:
        yield "The runs share fewer than three classes, so they are not compared."
    if told and all(each.sweeping is None for each in told):
        yield "No weights were swept: --pairs 0 leaves it out, and only CPPNs have weights."


def notes(told: Sequence[Ancestry]) -> list[str]:
    """Say what to bear in mind."""
    said = []
    if source := next((each.kinds.source for each in told if each.kinds is not None), None):
        said.append(
            f"Which classes are related is from {source}: two classes are the more alike, the "
            "fewer classes the smallest kind has that holds both."
        )
    said.append(
        "By chance means: if the classes had each other's names. p is the share of such "
        "permutations that give at least as much; deviations are chance's standard deviations."
    )
    said.append(
        "Layout compares images reduced to 32 x 32 pixels. Texture compares the widths and "
        "directions of stripes, wherever they are. Both compare what sets an image apart from the "
        "mean of its run."
    )
    if any(each.sweeping is not None for each in told):
        said.append(
            "Fracture: each weight is swept in eight steps around its value. 0: the picture "
            "changes evenly in one way; 1: each step shows another picture. Entangled: the share "
            "of the picture that a weight changes. An edge that moves counts as several ways, too, "
            "so fine patterns have higher values than broad ones."
        )
    return said
