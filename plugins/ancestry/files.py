"""Ancestry for programs: JSON, comma-separated values, and the phylogeny as a graph."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .wording import limits, notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from .ancestry import Across, Ancestry
    from .chance import Finding
    from .sweeping import Sweeping, Swept


def to_json(told: Sequence[Ancestry], across: Across | None) -> dict[str, Any]:
    """Describe the lineages, the tests, and what was swept."""
    return {
        "runs": [_run(each) for each in told],
        "between_runs": None
        if across is None
        else {
            "classes": list(across.classes),
            "same_class": {
                space: _finding(finding) | {"nearer": across.nearer[space]}
                for space, finding in across.same.items()
            },
            "related_classes": {space: _finding(f) for space, f in across.related.items()},
        },
        "notes": [*limits(told, across), *notes(told)],
    }


def _run(told: Ancestry) -> dict[str, Any]:
    lines = told.lines
    return {
        "path": str(told.run.path),
        "name": told.run.name,
        "seed": told.run.seed,
        "evaluations": told.run.evaluations,
        "elites": len(lines.elites),
        "individuals": len(lines.graph),
        "made": lines.made,
        "founders": lines.founders,
        "most_fruitful": lines.fruitful,
        "median_steps": float(np.median(lines.steps)) if len(lines.steps) else None,
        "goal_switches": float(lines.flows.sum()),
        "flows": {
            "groups": list(told.flows.names),
            "counts": told.flows.counts.tolist(),
            "expected": told.flows.expected.tolist(),
        },
        "kinds": None if told.kinds is None else told.kinds.source,
        "tests": {
            name: _finding(finding) | _alike(told.alike.get(name))
            for name, finding in told.findings.items()
        },
        "sweeps": None if told.sweeping is None else _sweeping(told.sweeping),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "observed": finding.observed,
        "by_chance": finding.expected,
        "deviations": finding.deviations,
        "p": finding.p,
        "permutations": len(finding.null),
    }


def _alike(pair: tuple[float, float] | None) -> dict[str, Any]:
    return {} if pair is None else {"within_kinds": pair[0], "otherwise": pair[1]}


def _sweeping(sweeping: Sweeping) -> dict[str, Any]:
    return {
        "lines": [
            {
                "class": line.elite.name,
                "steps": line.steps,
                "individuals": [_swept(each) for each in line.swept],
            }
            for line in sweeping.lines
        ],
        "pairs": [
            {
                "children": each.kind,
                "fracture": [[_known(value) for value in pair] for pair in each.fracture],
                "entangled": [[_known(value) for value in pair] for pair in each.entangled],
                "p_fracture": _known(each.p(each.fracture)),
                "p_entangled": _known(each.p(each.entangled)),
            }
            for each in sweeping.pairs
        ],
    }


def _swept(each: Swept) -> dict[str, Any]:
    sweeps = each.sweeps
    return {
        "genome": each.individual.candidate_id,
        "generation": each.individual.generation,
        "made": each.kind,
        "class": each.individual.name,
        "confidence": each.individual.confidence,
        "swept": len(sweeps.edges),
        "effective": int(sweeps.effective.sum()),
        "fracture": _known(sweeps.fracture),
        "entangled": _known(sweeps.entangled),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def to_csv(told: Sequence[Ancestry]) -> str:
    """Write a row for each two classes between which there were goal switches."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "seed", "from", "to", "goal_switches", "from_kind", "to_kind"))
    for each in told:
        classes, kinds = each.run.classes, each.kinds
        kind = {
            index: kinds.broad[place] if kinds is not None and place >= 0 else ""
            for index, place in enumerate(kinds.of if kinds is not None else [-1] * len(classes))
        }
        for row, column in np.argwhere(each.lines.flows > 0).tolist():
            flow = float(each.lines.flows[row, column])
            names = classes[row], classes[column], flow, kind[row], kind[column]
            writer.writerow((str(each.run.path), each.run.seed, *names))
    return text.getvalue()


def to_export(graph: nx.DiGraph) -> nx.DiGraph:
    """Give a phylogeny whose attributes every format can write: ``held`` becomes JSON.

    The class that an individual was best at is added as ``name``, with its ``confidence``; its
    ``label``, which drawings show, is that name.
    """
    plain = graph.copy()
    for _, data in plain.nodes(data=True):
        name, confidence = next(iter(data["held"].items()), (None, None))
        data |= {"name": name, "confidence": confidence, "label": name or ""}
        data["held"] = json.dumps(data["held"], ensure_ascii=False)
    return plain
