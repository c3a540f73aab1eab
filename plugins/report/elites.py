"""The elites: a card for each class, and a close look at some with graph and ancestors.

Pictures are reduced by threads while the rest of the page is gathered.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from PIL import Image

from neatfool import RunError
from neatfool.analysis import read_survival
from neatfool.present import Picture, draw_graph, embed_image, embed_svg, evenly
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool import EliteView, Run

    from .curves import Course

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
class Card:
    """A class in the gallery, without a picture if it has no elite."""

    index: int
    name: str
    elite: EliteView | None = None
    picture: Picture | None = None
    detailed: bool = False
    file: str | None = None
    scores: Sequence[Mapping[str, Any]] = ()
    course: Course | None = None
    survived: Sequence[str] = ()


class Elites:
    """The elites of a run, for its page."""

    def __init__(self, run: Run, page: Path, chosen: Sequence[EliteView] = ()) -> None:
        """Begin to reduce the pictures; the rest waits until it is asked for.

        If the page lies in the run's folder, it has links to the images there. Only ``chosen`` ones
        are shown, if there are any.
        """
        self.run, self.all = run, run.elites
        self.small = max(run.spec.height, run.spec.width) <= SMALL
        self.beside = page.parent.resolve() == run.path.resolve()
        best = sorted(chosen or self.all, key=_doubt)
        self.many = len(best) > MOST_DETAILS
        self._closely = best[: FEW_DETAILS if self.many else None]
        self.survival = read_survival(run)
        self._shown = {elite.index for elite in best} | ({*run.searched} if not chosen else set())
        if len(self._shown) > MOST_CARDS:
            self._shown = {elite.index for elite in best[:MOST_CARDS]}
        longest = SMALL if self.many else 2 * SMALL
        pool = ThreadPoolExecutor(WORKERS)
        # The database is read by this thread; the others only compute.
        self._pictures = {
            elite.index: pool.submit(_reduce, elite, elite.png, longest)
            for elite in self.all
            if elite.index in self._shown
        }
        pool.shutdown(wait=False)

    def cards(self, courses: Mapping[int, Course]) -> list[Card]:
        """Make a card for each shown class, the surest first."""
        cards = [Card(index, self.run.classes[index]) for index in self._shown - {*self._pictures}]
        detailed = {elite.index for elite in self._closely}
        for elite in self.all:
            if elite.index not in self._pictures:
                continue
            others = [(name, sure) for name, sure in elite.top if name != elite.name]
            scores = [(elite.name, elite.confidence)] * bool(others) + others[:MOST_RUNNERS]
            kept = self.survival
            changes = kept.of(elite) if kept else {}
            card = Card(
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
                course=courses.get(elite.index),
                # Behind a minus, another class is first after the change.
                survived=[
                    f"{'' if changes[name][1] else '-'}{percent(changes[name][0])}"
                    for name in (kept.usual if kept else ())
                    if name in changes
                ],
            )
            cards.append(card)
        return sorted(cards, key=lambda card: (*_doubt(card.elite), card.index))

    def details(self, cards: Sequence[Card]) -> list[dict[str, Any]]:
        """Look closely at all elites, or at the best of many; the surest comes first.

        Each is shown with its graph, if its genome is one, and with some of its ancestors.
        """
        by_index = {card.index: card for card in cards}
        thumbnails: dict[int, Picture] = {}
        side, details = max(self.run.spec.height, self.run.spec.width), []
        for elite in self._closely:
            line = self.run.lineage(elite.index)[::-1]
            chosen = [line[place] for place in evenly(len(line), MOST_ANCESTORS)]
            for each in chosen:
                if each.candidate_id not in thumbnails:
                    thumbnails[each.candidate_id] = embed_image(each.image(), min(ANCESTOR, side))
            graph = None
            with suppress(RunError):
                graph = embed_svg(draw_graph(elite.graph(), background=SURFACE))
            detail = {
                "card": by_index[elite.index],
                "scored": _reduce(elite, elite.png, LARGE),
                "large": embed_image(elite.image(LARGE), LARGE) if graph and self.small else None,
                "graph": graph,
                "line": [(each, thumbnails[each.candidate_id]) for each in chosen],
                "ancestors": len(line),
            }
            details.append(detail)
        return details


def _doubt(elite: EliteView | None) -> tuple[float, float]:
    """Give a key that sorts the surest elites first."""
    return (-elite.confidence, -elite.rank) if elite else (0.0, 0.0)


def _reduce(elite: EliteView, png: bytes, longest: int) -> Picture:
    """Show a small picture as it is, and a larger one reduced and compressed with loss."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            if max(image.size) <= SMALL:
                return Picture(_data("png", png), *image.size)
            shown = image.convert("RGB")
            shown.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    except (OSError, SyntaxError, ValueError) as error:
        raise elite.damaged(ValueError(str(error))) from error
    for quality in QUALITIES:
        shown.save(buffer := io.BytesIO(), "WEBP", quality=quality, method=3)
        if len(buffer.getvalue()) <= MOST_BYTES or longest > SMALL:
            break
    return Picture(_data("webp", buffer.getvalue()), *shown.size)


def _data(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
