"""A run's page: one HTML file that shows what the run found and how."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, Field

from neatfool.errors import RunError
from neatfool.report import pictures
from neatfool.report.charts import curves
from neatfool.report.charts.figure import SURFACE
from neatfool.report.graph.drawing import draw_graph
from neatfool.report.saving import TEMPLATES, write_page
from neatfool.run.folder import REPORT
from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.wording import spending

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neatfool.report.pictures import Picture
    from neatfool.run.individual import Ancestor, EliteView
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

MOST_DETAILS: Final = 48
"""The best elites, up to this many, are shown with graph and ancestors: a graph is 100 kB."""
MOST_CARDS: Final = 2000
"""The gallery shows at most this many classes, the best ones: browsers are slow with more."""
MOST_ANCESTORS: Final = 12
SMALL: Final = 96
"""Images up to this many pixels are shown without smoothing; larger ones are reduced to it."""
LARGE: Final = 256
ANCESTOR: Final = 64


@dataclass(frozen=True)
class Card:
    """A class in the gallery, without a picture if it has no elite."""

    index: int
    name: str
    confidence: float = 0.0
    rank: float = 0.0
    generation: int = -1
    picture: Picture | None = None
    detailed: bool = False


@dataclass(frozen=True)
class Step:
    """An ancestor of an elite."""

    generation: int
    picture: Picture
    name: str | None
    confidence: float | None
    rank: float | None


@dataclass(frozen=True)
class Detail:
    """An elite with its graph and its ancestors."""

    card: Card
    candidate: int
    nodes: int
    connections: int
    scored: Picture
    large: Picture | None
    graph: str | None
    line: list[Step]
    ancestors: int


@dataclass(frozen=True)
class Stage:
    """A stage's share of the run's time."""

    name: str
    seconds: float
    share: float


class Bar(BaseModel):
    """A row of a finding: what it is of, a share from 0 to 1, and a figure."""

    name: str
    share: float = Field(ge=0, le=1)
    note: str


class Finding(BaseModel):
    """What a command found out about a run, for its report."""

    title: str
    text: str
    bars: list[Bar]


def write_report(run: Run, path: Path | None = None) -> Path:
    """Write a run's report: one HTML file that needs no other file and no network.

    Args:
        run: The run, finished or not.
        path: The file; ``report.html`` in the run's folder if absent.

    Returns:
        The file.

    Raises:
        RunError: The run cannot be read.
        StorageError: The file cannot be written.
    """
    target = run.path / REPORT if path is None else path
    return write_page(target, TEMPLATES / "report.html.j2", _content(run))


def _content(run: Run) -> dict[str, Any]:
    """Gather what the template shows."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    history, elites = run.history, run.elites
    best = sorted(elites, key=_doubt)[:MOST_DETAILS]
    cards = _cards(run, elites, {elite.index for elite in best})
    details = _details(run, best if len(elites) > MOST_DETAILS else elites, cards)
    seconds = sum(report.stages.elapsed for report in history)
    return {
        "run": run,
        "last": history[-1] if history else None,
        "cards": cards,
        "many": len(cards) > MOST_DETAILS,
        "left_out": max(len(run.searched) - len(cards), 0),
        "pixelated": max(run.spec.height, run.spec.width) <= SMALL,
        "details": details,
        "hero": min(details, key=lambda detail: _doubt(detail.card), default=None),
        "curves": _curves(history, len(run.searched), run.ranks),
        "findings": _findings(run),
        "milestones": _milestones(history, len(run.searched)),
        "stages": _stages(history),
        "seconds": seconds,
        "rate": run.evaluations / seconds if seconds else 0.0,
        "replacements": sum(report.replacements for report in history),
        "goal_switches": sum(report.goal_switches for report in history),
        "refused": sum(report.refused for report in history),
        "facts": _facts(run),
        "target": _target_name(run),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }


def _doubt(elite: EliteView | Card) -> tuple[float, float]:
    """Give a key that sorts the surest elites first."""
    return -elite.confidence, -elite.rank


def _cards(run: Run, elites: Sequence[EliteView], detailed: set[int]) -> list[Card]:
    """Make a card for each shown class, in the order of the classes."""
    found = {elite.index: elite for elite in elites}
    longest = SMALL if len(found) > MOST_DETAILS else 2 * SMALL
    cards = []
    for index in _choose_classes(run, elites):
        elite = found.get(index)
        if elite is None:
            cards.append(Card(index, run.classes[index]))
            continue
        picture = _scored_picture(elite, longest)
        sure = elite.confidence, elite.rank
        cards.append(Card(index, elite.name, *sure, elite.generation, picture, index in detailed))
    return cards


def _target_name(run: Run) -> str:
    """Give the name of the target plugin, or of the model that Python handed in."""
    target = run.experiment.get("target", {})
    return str(target.get("model") or target.get("plugin") or run.name)


def _choose_classes(run: Run, elites: Sequence[EliteView]) -> list[int]:
    """Choose the classes to show: all that are searched, or the best of very many."""
    classes = {*run.searched, *(elite.index for elite in elites)}
    if len(classes) > MOST_CARDS:
        best = sorted(elites, key=_doubt)[:MOST_CARDS]
        classes = {elite.index for elite in best}
    return sorted(classes)


def _details(run: Run, elites: Sequence[EliteView], cards: Sequence[Card]) -> list[Detail]:
    by_index = {card.index: card for card in cards}
    thumbnails: dict[int, Picture] = {}
    return [_detail(run, elite, by_index[elite.index], thumbnails) for elite in elites]


def _detail(run: Run, elite: EliteView, card: Card, thumbnails: dict[int, Picture]) -> Detail:
    line = run.lineage(elite.index)[::-1]
    graph = _graph(elite)
    small = max(run.spec.height, run.spec.width) <= SMALL
    return Detail(
        card=card,
        candidate=elite.candidate_id,
        nodes=elite.size.nodes,
        connections=elite.size.connections,
        scored=_scored_picture(elite, LARGE),
        large=pictures.embed_image(elite.image(LARGE), LARGE) if graph and small else None,
        graph=graph,
        line=[_step(ancestor, thumbnails) for ancestor in _sample(line)],
        ancestors=len(line),
    )


def _scored_picture(elite: EliteView, longest: int) -> Picture:
    try:
        return pictures.embed_png(elite.png, longest)
    except ValueError as error:
        raise elite.damaged(error) from error


def _graph(elite: EliteView) -> str | None:
    """Draw an elite's graph; None if genomes are not graphs."""
    try:
        graph = elite.graph()
    except RunError:
        return None
    return pictures.embed_svg(draw_graph(graph, background=SURFACE))


def _sample(line: list[Ancestor]) -> list[Ancestor]:
    """Choose ancestors evenly, the first and the last included."""
    places = np.linspace(0, len(line) - 1, min(len(line), MOST_ANCESTORS)).round()
    return [line[int(place)] for place in places]


def _step(ancestor: Ancestor, thumbnails: dict[int, Picture]) -> Step:
    key = ancestor.candidate_id
    if key not in thumbnails:
        spec = ancestor.run.spec
        longest = min(ANCESTOR, max(spec.height, spec.width))
        thumbnails[key] = pictures.embed_image(ancestor.image(), longest)
    sure = ancestor.confidence, ancestor.rank
    return Step(ancestor.generation, thumbnails[key], ancestor.name, *sure)


def _curves(
    history: Sequence[GenerationReport], classes: int, ranks: tuple[float, float]
) -> dict[str, str]:
    if not history:
        return {}
    drawn = {
        "confidence": curves.confidence_curve(history, ranks),
        "thresholds": curves.threshold_curve(history, classes),
        "replacements": curves.replacement_curve(history),
        "size": curves.size_curve(history),
    }
    return {name: pictures.embed_svg(svg) for name, svg in drawn.items()}


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


def _findings(run: Run) -> list[Finding]:
    """Read the key ``report`` of JSON files that commands left in the run's folder."""
    found = []
    for path in sorted(run.path.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # another program's file
            found.append(Finding(**json.loads(path.read_text(encoding="utf-8"))["report"]))
    return found


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
