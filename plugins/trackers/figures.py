"""The figures of a run, by the names that they have on a tracker's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from neatfool.wording import level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neatfool import GenerationReport, Run

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")


@dataclass(frozen=True)
class Point:
    """The figures of a run after a generation.

    Attributes:
        generation: The generation.
        images: Images scored since the run began.
        seconds: How long the run had taken, without pauses.
        figures: Each figure by its name.
    """

    generation: int
    images: int
    seconds: float
    figures: dict[str, float]


def points(reports: Iterable[GenerationReport], images: int, seconds: float) -> Iterator[Point]:
    """Give the points of generations that follow one another.

    Args:
        reports: Their statistics.
        images: Images scored before the first of them.
        seconds: How long the run had taken before it.
    """
    for report in reports:
        seconds += report.stages.elapsed
        figures = _figures(report)
        if report.stages.elapsed:
            figures["time/images per second"] = (
                report.evaluations - images
            ) / report.stages.elapsed
        images = report.evaluations
        yield Point(report.generation, images, seconds, figures)


def budget(run: Run) -> dict[str, float]:
    """Give what the target was sent so far, and what is left; nothing if it costs nothing."""
    if not run.requests:
        return {}
    target = run.experiment.get("target", {})
    sent = {
        "requests": sum(requests for requests, _ in run.requests.values()),
        "queries": sum(images for _, images in run.requests.values()),
    }
    left = {
        f"budget/{unit} left": float(limit - sent[unit])
        for unit in sent
        if (limit := target.get(f"max_{unit}")) is not None
    }
    return {f"budget/{unit} sent": float(number) for unit, number in sent.items()} | left


def _figures(report: GenerationReport) -> dict[str, float]:
    figures: dict[str, float] = {
        "confidence/median": report.median,
        "confidence/mean": report.mean,
        "confidence/minimum": report.minimum,
        "confidence/lower quartile": report.lower_quartile,
        "confidence/upper quartile": report.upper_quartile,
    }
    for least, count in zip(report.thresholds, report.classes_ge, strict=True):
        figures[f"classes/at {level(least)} or more"] = count
    figures |= {
        "niches/replacements": report.replacements,
        "niches/goal switches": report.goal_switches,
        "niches/distinct elites": report.elites,
        "niches/refused images": report.refused,
        "networks/nodes": report.nodes,
        "networks/connections": report.connections,
    }
    figures |= {f"time/{stage}": getattr(report.stages, stage) for stage in STAGES}
    return {name: float(value) for name, value in figures.items()}
