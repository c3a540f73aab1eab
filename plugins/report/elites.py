"""The elites: a card for each class, and a close look at some with graph and ancestors.

Pictures are reduced by threads while the rest of the page is gathered.
"""

from __future__ import annotations

import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from PIL import Image

from neatfool import RunError, percent
from neatfool.analysis import read_survival
from neatfool.present import Picture, draw_graph, embed_image, embed_svg

from .functions import evenly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from neatfool import Ancestor, EliteView, Run

    from .courses import Course

MOST_DETAILS: Final = 48
"""Up to this many elites are all shown with graph and ancestors; of more, FEW_DETAILS are."""
FEW_DETAILS: Final = 4
"""The best of many that are: a graph is 150 kB and a quarter of a second. The others open."""
MOST_CARDS: Final = 2000
"""The gallery shows at most this many classes, the best ones: browsers are slow with more."""
MOST_NAMES: Final = 3
"""A tile names at most this many of the classes that share its image; the others open."""
MOST_ANCESTORS: Final = 12
MOST_RUNNERS: Final = 5
LARGE: Final = 256
ANCESTOR: Final = 64
SURFACE: Final = "#fffffe"
WORKERS: Final = 2
"""Reducing leaves Python free for other work; with more threads the main one would wait."""
SMALL: Final = 96
"""Pictures of up to this many pixels are shown as they are."""
QUALITIES: Final = (72, 40)
"""Of WebP: an image of ImageNet's size, reduced to 96 pixels, takes 1.3 kB with the first."""
MOST_BYTES: Final = 1500
"""A small picture of more bytes, of fine patterns or noise, is compressed with the second."""


@dataclass(frozen=True)
class Score:
    """What the target gave a class."""

    name: str
    confidence: float
    own: bool


@dataclass(frozen=True)
class Card:
    """A class in the gallery, without a picture if it has no elite."""

    index: int
    name: str
    elite: EliteView | None = None
    picture: Picture | None = None
    detailed: bool = False
    file: str | None = None
    scores: list[Score] = field(default_factory=list)
    course: Course | None = None
    survived: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """An ancestor of an elite."""

    generation: int
    picture: Picture
    name: str | None
    confidence: float | None


@dataclass(frozen=True)
class Detail:
    """An elite with its graph and its ancestors."""

    card: Card
    scored: Picture
    large: Picture | None
    graph: str | None
    line: list[Step]
    ancestors: int


class Elites:
    """The elites of a run, for its page."""

    def __init__(self, run: Run, page: Path, chosen: Sequence[EliteView] = ()) -> None:
        """Begin to reduce the pictures; the rest waits until it is asked for.

        Args:
            run: The run.
            page: The file that the page becomes. If it lies in the run's folder, it has links to
                the images there.
            chosen: The only elites to show; if there are none, all.
        """
        self.run = run
        self.all = run.elites
        self.chosen = bool(chosen)
        self.small = max(run.spec.height, run.spec.width) <= SMALL
        self.beside = page.parent.resolve() == run.path.resolve()
        self._best = sorted(chosen or self.all, key=_doubt)
        self.many = len(self._best) > MOST_DETAILS
        self.survival = read_survival(run)
        self.shown = {e.index for e in chosen} or _choose_classes(run, self._best)
        longest = SMALL if self.many else 2 * SMALL
        self._pictures: Mapping[int, Future[Picture]] = reduce_all(
            (elite for elite in self.all if elite.index in self.shown), longest
        )

    def cards(self, courses: Mapping[int, Course]) -> list[Card]:
        """Make a card for each shown class, in the order of the classes."""
        found = {elite.index: elite for elite in self.all}
        detailed = {elite.index for elite in self._closely()}
        cards = []
        for index in sorted(self.shown):
            elite = found.get(index)
            if elite is None:
                cards.append(Card(index, self.run.classes[index]))
                continue
            cards.append(
                Card(
                    index=index,
                    name=elite.name,
                    elite=elite,
                    picture=self._pictures[index].result(),
                    detailed=index in detailed,
                    file=self._link(elite),
                    scores=_scores(elite),
                    course=courses.get(index),
                    survived=self._survived(elite),
                )
            )
        return cards

    def tiles(self, cards: Sequence[Card]) -> list[list[Card]]:
        """Put classes that have the same picture together, the surest first."""
        tiles: dict[str | int, list[Card]] = {}
        for card in sorted(cards, key=lambda card: (*_doubt(card.elite), card.index)):
            tiles.setdefault(card.picture.src if card.picture else card.index, []).append(card)
        return [*tiles.values()]

    def details(self, cards: Sequence[Card]) -> list[Detail]:
        """Look closely at all elites, or at the best of many."""
        by_index = {card.index: card for card in cards}
        thumbnails: dict[int, Picture] = {}
        return [_detail(self.run, e, by_index[e.index], thumbnails) for e in self._closely()]

    def _closely(self) -> Sequence[EliteView]:
        return self._best[: FEW_DETAILS if self.many else None]

    def _survived(self, elite: EliteView) -> list[str]:
        """Give the confidence after each change; behind a minus if another class is first then."""
        kept = self.survival
        changes = kept.of(elite) if kept else {}
        shown = [changes[name] for name in (kept.usual if kept else ()) if name in changes]
        return [f"{'' if first else '-'}{percent(sure)}" for sure, first in shown]

    def _link(self, elite: EliteView) -> str | None:
        """Give the address of the saved image, relative to the page."""
        if not self.beside:
            return None
        return quote(elite.file.relative_to(self.run.path).as_posix())


def _doubt(elite: EliteView | None) -> tuple[float, float]:
    """Give a key that sorts the surest elites first."""
    return (-elite.confidence, -elite.rank) if elite else (0.0, 0.0)


def surest(details: Sequence[Detail]) -> Detail | None:
    """Give the elite with the highest confidence."""
    return min(details, key=lambda detail: _doubt(detail.card.elite), default=None)


def _choose_classes(run: Run, best: Sequence[EliteView]) -> set[int]:
    """Choose the classes to show: all that are searched, or the best of very many."""
    classes = {*run.searched, *(elite.index for elite in best)}
    if len(classes) > MOST_CARDS:
        classes = {elite.index for elite in best[:MOST_CARDS]}
    return classes


def _scores(elite: EliteView) -> list[Score]:
    """Give what the target was surest of: the elite's own class, and the runners-up."""
    others = [(name, sure) for name, sure in elite.top if name != elite.name][:MOST_RUNNERS]
    if not others:
        return []
    own = Score(elite.name, elite.confidence, own=True)
    scores = [Score(name, sure, own=False) for name, sure in others]
    return sorted([own, *scores], key=lambda score: -score.confidence)


def _detail(run: Run, elite: EliteView, card: Card, thumbnails: dict[int, Picture]) -> Detail:
    line = run.lineage(elite.index)[::-1]
    graph = _graph(elite)
    small = max(run.spec.height, run.spec.width) <= SMALL
    return Detail(
        card=card,
        scored=reduce(elite, elite.png, LARGE),
        large=embed_image(elite.image(LARGE), LARGE) if graph and small else None,
        graph=graph,
        line=[_step(line[place], thumbnails) for place in evenly(len(line), MOST_ANCESTORS)],
        ancestors=len(line),
    )


def _graph(elite: EliteView) -> str | None:
    """Draw an elite's graph; None if genomes are not graphs."""
    try:
        graph = elite.graph()
    except RunError:
        return None
    return embed_svg(draw_graph(graph, background=SURFACE))


def _step(ancestor: Ancestor, thumbnails: dict[int, Picture]) -> Step:
    key = ancestor.candidate_id
    if key not in thumbnails:
        spec = ancestor.run.spec
        longest = min(ANCESTOR, max(spec.height, spec.width))
        thumbnails[key] = embed_image(ancestor.image(), longest)
    return Step(ancestor.generation, thumbnails[key], ancestor.name, ancestor.confidence)


def reduce_all(elites: Iterable[EliteView], longest: int) -> dict[int, Future[Picture]]:
    """Begin to reduce the elites' pictures; the results are by class index."""
    pool = ThreadPoolExecutor(WORKERS)
    # The database is read by this thread; the others only compute.
    begun = {elite.index: pool.submit(reduce, elite, elite.png, longest) for elite in elites}
    pool.shutdown(wait=False)
    return begun


def reduce(elite: EliteView, png: bytes, longest: int) -> Picture:
    """Show a small picture as it is, and a larger one reduced and compressed with loss.

    Args:
        elite: The elite.
        png: Its image.
        longest: How many pixels the longer side may have.

    Raises:
        RunError: The recorded image is damaged.
    """
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            if max(image.size) <= SMALL:
                return _picture("png", png, image.size)
            shown = image.convert("RGB")
            shown.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
            data = _compress(shown, QUALITIES[0])
            if len(data) > MOST_BYTES and longest <= SMALL:
                data = _compress(shown, QUALITIES[1])
            return _picture("webp", data, shown.size)
    except (OSError, SyntaxError, ValueError) as error:
        raise elite.damaged(ValueError(str(error))) from error


def _compress(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=3)
    return buffer.getvalue()


def _picture(kind: str, data: bytes, size: tuple[int, int]) -> Picture:
    return Picture(f"data:image/{kind};base64,{b64encode(data).decode()}", *size)
