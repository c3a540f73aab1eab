"""A run's page: one HTML file that shows what the run found and how."""

from __future__ import annotations

import math
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np
from scipy.special import expit

from neatfool import EliteView, Run, RunError, cppn, present
from neatfool.measure import read_survival
from neatfool.wording import four_digits, level, percent, spending

if TYPE_CHECKING:
    from neatfool import GenerationReport

HERE: Final = Path(__file__).parent
MOST_DETAILS: Final = 48
"""Up to this many elites are all shown with graph and ancestors; of more, FEW_DETAILS are."""
FEW_DETAILS: Final = 4
"""The best of many that are: a graph is 150 kB and a quarter of a second. The others open."""
MOST_CARDS: Final = 2000
"""The gallery shows at most this many classes, the best ones: browsers are slow with more."""
MOST_NAMES: Final = 3
"""A tile names at most this many of the classes that share its image; the others open."""
MOST_SHARP: Final = 100
"""The pictures of so many, the best ones, are twice as sharp as the others of a large gallery."""
LARGE: Final = 256
WORKERS: Final = 2
"""Reducing leaves Python free for other work; with more threads the main one would wait."""
SMALL: Final = 96
"""Pictures of up to this many pixels are shown as they are."""
MOST_POINTS: Final = 400
ENDS: Final = (present.decimal_odds(0), 100 / math.log(10))
"""Decimal log-odds outside are drawn at the edge; they may be infinite."""
POINT: Final = 0.75
"""A CSS pixel in points, in which matplotlib measures lines and letters."""
_BLUE, _ORANGE = present.LINE_COLOURS[:2]


def write(run: Run, path: Path) -> None:
    """Write a run's page, one HTML file."""
    # This goes first: threads reduce the pictures of the cards while the rest is gathered.
    elites = Elites(run, path)
    phylogeny = run.phylogeny(kinds=False)
    content = _read_history(run)
    cards = elites.cards()
    tiles: dict[str | int, list[ClassCard]] = {}
    for card in cards:  # classes that have the same picture share a tile
        tiles.setdefault(card.picture.src if card.picture else card.index, []).append(card)
    details = elites.details(cards)
    info = run.info
    script = (HERE / "page.js").read_text(encoding="utf-8")
    made_with = info.get("versions", {}) | info.get("clock", {})
    made_with |= {f"target {name}": value for name, value in info.get("target", {}).items()}
    if requests := run.requests:
        made_with["spent"] = spending(requests)
    content |= {
        "run": run,
        "tiles": [*tiles.values()],
        "classes": len(cards),
        "heat": None,
        "tile_of": {card.index: tile[0].index for tile in tiles.values() for card in tile},
        "MOST_NAMES": MOST_NAMES,
        "first": [first for elite in elites.all if (first := elite.top1) is not None],
        "survival": elites.survival,
        "zip": zip,
        "many": elites.many,
        "beside": elites.beside,
        "left_out": max((len(run) if run.spec.grid else len(run.searched)) - len(cards), 0),
        "pixelated": elites.small,
        "details": details,
        "facts": {str(name): str(value) for name, value in made_with.items()},
        "title": present.summarize_run(run),
        "script": script,
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    if run.spec.grid:
        from .heat_map import draw_heat_map  # which a classifier's report does without

        content["heat"] = draw_heat_map(run)
    added = present.arrange_blocks(present.report_blocks(run, phylogeny))
    present.write_page(path, HERE / "page.html.j2", added | content)


def _read_history(run: Run) -> dict[str, Any]:
    """Count and draw what happened."""
    history, classes = run.history, len(run.searched)
    if not history:
        return dict.fromkeys(("curves", "last"))
    last = history[-1]
    draw = draw_scores if run.spec.is_objective else draw_confidences
    count = draw_filled if run.spec.is_objective else draw_thresholds
    drawn = {
        "confidence": draw(run, wide=True),
        "confidence_narrow": draw(run, wide=False),
        "thresholds": count(history, classes),
        "replacements": draw_replacements(history),
        "size": draw_sizes(history),
    }
    seconds = sum(report.stages.elapsed for report in history)
    spent = {
        name: sum(getattr(report.stages, name) for report in history)
        for name in asdict(history[0].stages)
    }
    return {
        # Of a person's choices, all scores are equal.
        "scores_differ": len({score for _, _, score, _ in run.replacements}) > 1,
        "curves": {name: present.embed_svg(svg) for name, svg in drawn.items()},
        "last": last,
        # Of thresholds that as many classes reach, the highest.
        "reached": [*dict(zip(last.classes_ge, last.thresholds, strict=True)).items()][-3:],
        "stages": [(name, s, s / seconds if seconds else 0.0) for name, s in spent.items()],
        "seconds": seconds,
        "replacements": sum(report.replacements for report in history),
        "goal_switches": sum(report.goal_switches for report in history),
        "refused": sum(report.refused for report in history),
    }


@dataclass(frozen=True)
class ClassCard:
    """A class in the gallery, without a picture if it has no elite."""

    index: int
    name: str
    elite: EliteView | None = None
    picture: present.PageImage | None = None
    detailed: bool = False
    file: str | None = None
    scores: Sequence[Mapping[str, Any]] = ()
    survived: Sequence[str] = ()
    measures: str = ""


class Elites:
    """The elites of a run, for its page."""

    def __init__(self, run: Run, page: Path) -> None:
        """Begin to reduce the pictures; the rest waits until it is asked for."""
        self.run, self.all = run, run.elites
        self.small = max(run.spec.height, run.spec.width) <= SMALL
        self.beside = page.parent.resolve() == run.path.resolve()
        best = sorted(self.all, key=_rank_surest)
        self.many = len(best) > MOST_DETAILS
        self._closely = best[: FEW_DETAILS if self.many else None]
        self.survival = read_survival(run)
        # Of a grid, the empty cells are seen in the heat map.
        empty = () if run.spec.grid else run.searched
        self._shown = {elite.index for elite in best} | {*empty}
        if len(self._shown) > MOST_CARDS:
            self._shown = {elite.index for elite in best[:MOST_CARDS]}
        sharp = {elite.index for elite in best[:MOST_SHARP]}
        size, quality = 2 * SMALL, 58 if self.many else 80
        pool = ThreadPoolExecutor(WORKERS)
        # The database is read by this thread; the others only compute.
        self._pictures = {
            elite.index: pool.submit(
                _reduce,
                elite,
                elite.png,
                *((size, quality) if elite.index in sharp else (SMALL, 50)),
            )
            for elite in self.all
            if elite.index in self._shown
        }
        pool.shutdown(wait=False)

    def cards(self) -> list[ClassCard]:
        """Make a card for each shown class, the surest first."""
        cards = [
            ClassCard(index, self.run.classes[index]) for index in self._shown - {*self._pictures}
        ]
        detailed = {elite.index for elite in self._closely}
        for elite in self.all:
            if elite.index not in self._pictures:
                continue
            tops = [] if self.run.spec.is_objective else elite.top
            others = [(name, sure) for name, sure in tops if name != elite.name]
            scores = [(elite.name, elite.confidence)] * bool(others) + others[:5]
            kept = self.survival.words_of(elite.name, elite.candidate_id) if self.survival else []
            cards.append(
                ClassCard(
                    elite.index,
                    elite.name,
                    elite=elite,
                    picture=self._pictures[elite.index].result(),
                    detailed=elite.index in detailed,
                    file=quote(elite.file.relative_to(self.run.path).as_posix())
                    if self.beside
                    else None,
                    scores=[
                        {"name": name, "confidence": sure, "own": name == elite.name}
                        for name, sure in sorted(scores, key=lambda score: -score[1])
                    ],
                    # Behind a minus, another class is first after the change.
                    measures=", ".join(map(" ".join, elite.describe_measures().items())),
                    survived=[f"{'' if first else '-'}{sure}" for _, sure, first in kept],
                )
            )
        return sorted(cards, key=lambda card: (*_rank_surest(card.elite), card.index))

    def details(self, cards: Sequence[ClassCard]) -> list[dict[str, Any]]:
        """Look closely at all elites, or at the best of many: at their graphs and ancestors."""
        by_index = {card.index: card for card in cards}
        thumbnails: dict[int, present.PageImage] = {}
        side, details = max(self.run.spec.height, self.run.spec.width), []
        for elite in self._closely:
            line = self.run.lineage(elite.index)[::-1]
            chosen = [line[place] for place in present.evenly(len(line), 12)]
            for each in chosen:
                if each.candidate_id not in thumbnails:
                    thumbnails[each.candidate_id] = present.embed_image(each.image(), min(64, side))
            graph = None
            with suppress(RunError):
                graph = present.embed_svg(
                    cppn.draw_graph(elite.graph(), background=present.SURFACE)
                )
            details.append(
                {
                    "card": by_index[elite.index],
                    "scored": _reduce(elite, elite.png, LARGE, 80),
                    "large": present.embed_image(elite.image(LARGE), LARGE)
                    if graph and self.small
                    else None,
                    "graph": graph,
                    "line": [(each, thumbnails[each.candidate_id]) for each in chosen],
                    "ancestors": len(line),
                }
            )
        return details


def _rank_surest(elite: EliteView | None) -> tuple[float, float]:
    """Give a key that sorts the surest elites first."""
    return (-elite.confidence, -elite.rank) if elite else (math.inf, 0.0)


def _reduce(elite: EliteView, png: bytes, longest: int, quality: int) -> present.PageImage:
    """Show a small picture as it is, and a larger one reduced, so that the page stays small."""
    try:
        return present.embed_png(png, longest, quality=quality)
    except ValueError as error:
        raise elite.damaged(error) from error


def draw_scores(run: Run, *, wide: bool) -> bytes:
    """Draw the best and the median score of an objective's elites over images scored."""
    x, (median, *band) = _read_columns(run.history, "median", "lower_quartile", "upper_quartile")
    shown = [each.generation for each in _choose_reports(run.history)]
    told = [each[::2] for each in run.replacements]
    highest = np.maximum.accumulate([score for _, score in told])
    ends = [bisect_right(told, generation, key=lambda each: each[0]) for generation in shown]
    best = np.array([highest[end - 1] if end else np.nan for end in ends])
    lines = [present.StepCurve(x, best, f"best  {four_digits(best[-1])}", 1)]
    if len(run.searched) > 1:
        name = f"median  {four_digits(median[-1])}"
        lines.append(present.StepCurve(x, median, name, 0, np.array(band)))
    return present.draw_figure(present.steps(lines, "numbers", x, wide=wide))


def draw_confidences(run: Run, *, wide: bool) -> bytes:
    """Draw median, quartiles, mean and minimum of the elites' confidences over images scored."""
    shown = _choose_reports(run.history)
    x, last = np.array([report.evaluations for report in shown]), shown[-1]
    minimum, lower, middle, upper, mean = _read_spread(run, [each.generation for each in shown])
    median = f"median  {percent(last.median)}"
    lines = [
        present.StepCurve(x, minimum, f"minimum  {percent(last.minimum)}", 1),
        present.StepCurve(x, mean, f"mean  {percent(last.mean)}", 2),
        present.StepCurve(x, middle, median, 0, np.array([lower, upper])),
    ]
    return present.draw_figure(present.steps(lines, "decimal odds", x, wide=wide))


def _read_spread(run: Run, generations: Sequence[int]) -> np.ndarray:
    """Give minimum, quartiles and mean of the confidences, float64 [5, G], as decimal log-odds.

    Near one they are told apart by how far they are from it, which ranks know and confidences not.
    """
    told = run.replacements
    odds = _read_decimal_odds(told) * math.log(10)
    held, start = np.full((len(generations), len(run.classes)), -np.inf), 0
    for row, generation in enumerate(generations):
        end = bisect_right(told, generation, key=lambda each: each[0])
        held[row:, [each[1] for each in told[start:end]]] = odds[start:end]
        start = end
    held = held[:, [*run.searched]]
    sure, doubt = (
        np.array([*np.percentile(each, parts, axis=1), each.mean(axis=1)])
        for each, parts in ((expit(held), (0, 25, 50, 75)), (expit(-held), (100, 75, 50, 25)))
    )
    decades: np.ndarray = np.clip(np.log10(sure.clip(1e-300)) - np.log10(doubt), *ENDS)
    return decades


def _read_decimal_odds(told: Sequence[tuple[int, int, float, float]]) -> np.ndarray:
    """Give decimal log-odds of replacements: of a target without logits, ranks are confidences."""
    sure, ranks = np.array([each[2:] for each in told]).reshape(-1, 2).T
    decades = np.where(ranks == sure, present.decimal_odds(sure), ranks / math.log(10))
    return np.clip(decades, *ENDS)


def draw_filled(history: Sequence[GenerationReport], niches: int) -> bytes:
    """Draw how many of the searched niches are filled, over images scored."""
    x, (counts,) = _read_columns(history, "filled")
    lines = [present.StepCurve(x, counts, f"{history[-1].filled:,}", 0)]
    return present.draw_figure(present.steps(lines, "counts", x, most=niches))


def draw_thresholds(history: Sequence[GenerationReport], classes: int) -> bytes:
    """Draw how many of the searched classes have each confidence that any has reached."""
    x, (counts,) = _read_columns(history, "classes_ge")
    names = [f"≥ {level(threshold)}" for threshold in history[-1].thresholds]
    reached = max(1, int(np.count_nonzero(counts[-1])))
    lines = [present.StepCurve(x, counts[:, i], names[i], 3 - i) for i in range(reached)]
    return present.draw_figure(present.steps(lines, "counts", x, most=classes))


def draw_replacements(history: Sequence[GenerationReport]) -> bytes:
    """Draw each generation's replacements, and the goal switches among them."""
    drawn, axes = present.new_axes(520, 330, right=24)
    edges = np.unique(np.linspace(0, len(history), min(len(history), 100) + 1).round())
    starts = edges[:-1].astype(int)
    for name, colour, text in (
        ("replacements", _BLUE, "replacements"),
        ("goal_switches", _ORANGE, "of them goal switches"),
    ):
        counts = np.array([getattr(report, name) for report in history], dtype=float)
        means = np.add.reduceat(counts, starts) / np.diff(edges)
        axes.stairs(means, edges + history[0].generation - 0.5, fill=True, color=colour, label=text)
    present.mark_counts(axes, 1.2 * axes.get_ylim()[1], whole=True)
    first, last = history[0].generation, history[-1].generation
    present.label_counts(axes, [first, last], "generation")
    look: Any = {"fontsize": 13 * POINT, "labelcolor": present.MUTED, "frameon": False}
    look |= {"handlelength": 1.1, "handleheight": 0.9, "borderaxespad": 0.1}
    axes.legend(loc="upper right", **look)
    return present.draw_figure(drawn)


def draw_sizes(history: Sequence[GenerationReport]) -> bytes:
    """Draw the mean size of the elites' genomes over images scored."""
    names = ("connections", "nodes")
    x, columns = _read_columns(history, *names)
    lines = [present.StepCurve(x, columns[place], name, place) for place, name in enumerate(names)]
    return present.draw_figure(present.steps(lines, "counts", x))


def _read_columns(
    history: Sequence[GenerationReport], *names: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Give the images scored, and some numbers, of at most MOST_POINTS generations."""
    shown = _choose_reports(history)
    x, *columns = ([getattr(r, name) for r in shown] for name in ("evaluations", *names))
    return np.array(x), [np.array(each, float) for each in columns]


def _choose_reports(history: Sequence[GenerationReport]) -> list[GenerationReport]:
    return [history[place] for place in present.evenly(len(history), MOST_POINTS)]
