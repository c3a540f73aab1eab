"""Ablations for programs: JSON, comma-separated values, and graphs."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import StorageError
from neatfool.present import export_graph

from .graphs import with_importance
from .wording import by_kind, figures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .ablation import Ablation, Ablations
    from .asking import Score

_HEADS: Final = ("run", "seed", "class", "kind", "part", "confidence", "log_odds", "lost")


def to_json(told: Ablations) -> dict[str, Any]:
    """Describe what came out: a summary, and each elite with all scores."""
    run = told.run
    moved, mirrored = by_kind(told)
    return {
        "path": str(run.path),
        "name": run.name,
        "seed": run.seed,
        "evaluations": run.evaluations,
        "target": told.target,
        "own_target": told.own,
        "tiles": told.tiles,
        "elites_of_run": len(run),
        "repeated": len(moved),
        "mirrored": len(mirrored),
        "summary": [_summary(name, values) for name, values in figures(told)],
        "elites": [_elite(item) for item in told.items],
    }


def _summary(name: str, values: list[float]) -> dict[str, Any]:
    lower, median, upper = (float(each) for each in np.quantile(values, (0.25, 0.5, 0.75)))
    quartiles = {"lower_quartile": lower, "median": median, "upper_quartile": upper}
    return {"measure": name, "elites": len(values), **quartiles}


def _elite(item: Ablation) -> dict[str, Any]:
    repeats, graph = item.repeats, item.graph
    told: dict[str, Any] = {
        "name": item.name,
        "index": item.index,
        "genome": item.candidate_id,
        "recorded": item.recorded,
        "saved": asdict(item.saved),
        "tiles": [[_part(item.saved, score) for score in row] for row in item.tiles],
        "repeats": None,
        "graph": None,
    }
    if repeats:
        told["repeats"] = {
            **asdict(repeats.repetition),
            "copies": repeats.copies,
            "looked_at": repeats.looked_at,
            "alone": [_part(item.saved, score) for score in repeats.alone],
            "without": [_part(item.saved, score) for score in repeats.without],
            "half": _part(item.saved, repeats.half),
        }
    if graph:
        told["graph"] = {
            "drawn": asdict(graph.drawn),
            "nodes": [{"node": node, **_part(graph.drawn, score)} for node, score in graph.nodes],
            "connections": [
                {"from": u, "to": v, **_part(graph.drawn, score)}
                for u, v, score in graph.connections
            ],
            "pruned": [
                {"connections": left, **_part(graph.drawn, score)} for left, score in graph.pruned
            ],
            "suffice_for_half": graph.suffice,
        }
    return told


def _part(whole: Score, score: Score) -> dict[str, float]:
    return {**asdict(score), "lost": whole.lost(score)}


def to_csv(told: Ablations) -> str:
    """Write a row for each image that was scored."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADS)
    for item in told.items:
        place = (str(told.run.path), told.run.seed, item.name)
        for kind, part, whole, score in _rows(item):
            figures_of = (score.confidence, score.log_odds, whole.lost(score))
            writer.writerow((*place, kind, part, *figures_of))
    return text.getvalue()


def _rows(item: Ablation) -> Iterator[tuple[str, str, Score, Score]]:
    saved, repeats, graph = item.saved, item.repeats, item.graph
    yield "saved", "", saved, saved
    for row, scores in enumerate(item.tiles):
        for column, score in enumerate(scores):
            yield "tile", f"{row} {column}", saved, score
    if repeats:
        for number, alone, without in zip(
            repeats.looked_at, repeats.alone, repeats.without, strict=True
        ):
            yield "copy alone", str(number), saved, alone
            yield "without copy", str(number), saved, without
        yield "half of copies", "", saved, repeats.half
    if graph:
        yield "drawn", "", graph.drawn, graph.drawn
        for node, score in graph.nodes:
            yield "node", str(node), graph.drawn, score
        for u, v, score in graph.connections:
            yield "connection", f"{u} {v}", graph.drawn, score
        for left, score in graph.pruned:
            yield "connections left", str(left), graph.drawn, score


def write_graphs(told: Ablations, folder: Path) -> int:
    """Write each elite's graph with its importance as GraphML and JSON, and say how many.

    Raises:
        StorageError: The folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be made: {error.strerror or error}") from error
    drawn = [pair for pair in zip(told.elites, told.items, strict=True) if pair[1].graph]
    for elite, item in drawn:
        if item.graph:
            graph = with_importance(elite.graph(), elite, item.graph)
            for suffix in (".graphml", ".json"):
                export_graph(graph, folder / f"{elite.file.stem}{suffix}")
    return len(drawn)
