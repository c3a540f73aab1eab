"""A run's page: one HTML file that shows what the run found and how."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import CONFIDENCE_THRESHOLDS, spending
from neatfool.analysis import diversity
from neatfool.present import embed_svg, write_page

from . import courses, curves, functions
from .elites import MOST_CARDS, MOST_NAMES, Elites, surest
from .switches import read_switches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, GenerationReport, Run

HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """A stage's share of the run's time."""

    name: str
    seconds: float
    share: float


def write(run: Run, path: Path, chosen: Sequence[EliteView] = ()) -> None:
    """Write a run's page: one HTML file that needs no other file and no network.

    Args:
        run: The run.
        path: The file.
        chosen: The only elites to show; if there are none, all.

    Raises:
        RunError: The run cannot be read.
        StorageError: The file cannot be written.
    """
    write_page(path, HERE / "page.html.j2", _content(run, path, chosen))


def _content(run: Run, path: Path, chosen: Sequence[EliteView]) -> dict[str, Any]:
    """Gather what the template shows."""
    elites = Elites(run, path, chosen)
    history, script = run.history, (HERE / "page.js").read_text(encoding="utf-8")
    risen = courses.read_courses(run, elites.all)
    phylogeny = run.phylogeny(kinds=False) if history else None
    told = {
        "curves": _curves(history, len(run.searched), run.ranks, elites.all),
        "courses": risen,
        "course_box": (courses.WIDTH, courses.HEIGHT),
        "use_box": (functions.WIDTH, functions.HEIGHT),
        "switches": None,
        "functions": None,
        "diversity": None,
    }
    if phylogeny is not None:
        told["switches"] = read_switches(run, phylogeny)
        told["functions"] = functions.read_functions(run, phylogeny, elites.all)
        if 0 < len(elites.all) <= MOST_CARDS:
            told["diversity"] = diversity(run, phylogeny)
    cards = elites.cards(risen.of)
    details = elites.details(cards)
    return {
        **told,
        **_figures(run, history),
        "tiles": elites.tiles(cards),
        "classes": len(cards),
        "MOST_NAMES": MOST_NAMES,
        "first": [first for elite in elites.all if (first := elite.top1) is not None],
        "survival": elites.survival,
        "zip": zip,
        "many": elites.many,
        "beside": elites.beside,
        "reduced": not elites.small,
        "chosen": elites.chosen,
        "left_out": max(len(run.searched) - len(cards), 0),
        "pixelated": elites.small,
        "details": details,
        "hero": surest(details),
        "facts": _facts(run),
        "target": _target_name(run),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }


def _figures(run: Run, history: Sequence[GenerationReport]) -> dict[str, Any]:
    """Count what happened."""
    seconds = sum(report.stages.elapsed for report in history)
    return {
        "run": run,
        "last": history[-1] if history else None,
        "milestones": _milestones(history, len(run.searched)),
        "stages": _stages(history),
        "seconds": seconds,
        "rate": run.evaluations / seconds if seconds else 0.0,
        "replacements": sum(report.replacements for report in history),
        "goal_switches": sum(report.goal_switches for report in history),
        "refused": sum(report.refused for report in history),
    }


def _target_name(run: Run) -> str:
    """Give the name of the target plugin, or of the model that Python handed in."""
    target = run.experiment.get("target", {})
    return str(target.get("model") or target.get("plugin") or run.name)


def _curves(
    history: Sequence[GenerationReport],
    classes: int,
    ranks: tuple[float, float],
    elites: Sequence[EliteView],
) -> dict[str, str]:
    if not history:
        return {}
    drawn = {
        "confidence": curves.confidence_curve(history, ranks),
        "thresholds": curves.threshold_curve(history, classes),
        "replacements": curves.replacement_curve(history),
        "size": curves.size_curve(history),
    }
    if len({elite.size.connections for elite in elites}) > 1:
        drawn["scatter"] = curves.size_scatter(elites)
    return {name: embed_svg(svg) for name, svg in drawn.items()}


def _milestones(
    history: Sequence[GenerationReport], classes: int
) -> list[tuple[float, int | None, int | None]]:
    """Count for each threshold the images until the median, and until all classes, reached it."""
    rows = []
    for i, threshold in enumerate(CONFIDENCE_THRESHOLDS):
        median = next((r.evaluations for r in history if r.median >= threshold), None)
        every = next((r.evaluations for r in history if r.classes_ge[i] >= classes), None)
        rows.append((threshold, median, every))
    return rows


def _stages(history: Sequence[GenerationReport]) -> list[Stage]:
    """Sum up where the time went."""
    total = sum(report.stages.elapsed for report in history)
    names = asdict(history[0].stages) if history else {}
    sums = {name: sum(getattr(r.stages, name) for r in history) for name in names}
    return [Stage(name, spent, spent / total if total else 0.0) for name, spent in sums.items()]


def _facts(run: Run) -> dict[str, str]:
    """List what the run was made with."""
    info = run.info
    facts = {str(name): str(version) for name, version in info.get("versions", {}).items()}
    facts |= {str(name): str(value) for name, value in info.get("clock", {}).items()}
    target = info.get("target", {})
    facts |= {f"target {name}": str(value) for name, value in target.items()}
    if requests := run.requests:
        facts["spent"] = spending(requests)
    return facts
