"""What is said of ablation: which parts of images carry the confidence."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import present
from neatfool.measure import FEW, RunFacts
from neatfool.wording import among, counted, percent, share

from .repetition import Repetition

MATTERS: Final = 0.1
"""A part matters if more than this share of the confidence is lost without it."""
WITHOUT_TILE: Final = "kept without a tile"
TILES: Final = "tiles that matter"
WITHOUT_COPY: Final = "kept without a copy"
WITH_HALF: Final = "kept with half of the copies"
WITH_ONE: Final = "kept with one copy"
LEGEND: Final = (
    "On the map, hiding an orange tile lowers the confidence, the more the stronger its colour; "
    "hiding a blue one raises it."
)
METHOD: Final = (
    "A part is hidden by filling it with the image's mean colour. “Kept” is the share of the "
    "confidence that remains: without the tile or the copy whose absence costs most, or with the "
    f"one copy that scores best alone. A tile matters if hiding it costs more than "
    f"{share(MATTERS)} of the confidence."
)


class Score(present.Facts):
    """How sure the target is of an image's class."""

    confidence: float
    """from 0 to 1"""
    log_odds: float
    """of the confidence; they differ where that rounds to 1"""
    lost: float
    """the share of the whole's confidence that this one has not: 1 if nothing is left, 0 for the
    whole itself, below 0 if the target is surer of this one"""

    @property
    def words(self) -> str:
        """The confidence: ``"97.1 %"``, ``"> 99.99 % (log-odds 12.3)"``."""
        return percent(self.confidence, self.log_odds)


class RepetitionScores(Repetition):
    """How an image repeats itself, and what stays if copies of what is repeated are hidden."""

    copies: int
    """how many copies there are"""
    looked_at: tuple[int, ...]
    """those looked at singly, 0 the most central"""
    alone: tuple[Score, ...]
    """with each of these alone"""
    without: tuple[Score, ...]
    """without each"""
    half: Score
    """with half of all copies, those nearest to the middle"""

    @property
    def best(self) -> int:
        """The place, in ``alone``, of the copy that does best alone."""
        return int(np.argmax([score.log_odds for score in self.alone]))


class EliteAblation(present.Facts):
    """An elite's image, taken apart."""

    name: str
    """the name of its class"""
    index: int
    """the index of its class"""
    genome: int
    """the id of its genome"""
    recorded: float
    """the confidence that the run recorded"""
    saved: Score
    """how sure the target is of the saved image"""
    tiles: tuple[tuple[Score, ...], ...]
    """without each tile, row by row"""
    repeats: RepetitionScores | None
    """how it repeats itself; null if it does not"""
    strip: tuple[present.Cell, ...] = Field((), exclude=True, repr=False)

    @property
    def all_tiles(self) -> list[Score]:
        """The scores without each tile, one after another."""
        return [score for row in self.tiles for score in row]

    @property
    def worst_tile(self) -> Score:
        """Without the tile that is missed most."""
        return min(self.all_tiles, key=lambda score: score.log_odds)

    def shares(self) -> dict[str, float]:
        """Give the shares of the confidence that stay, and of the tiles that matter."""
        tiles = self.all_tiles
        matter = sum(score.lost > MATTERS for score in tiles) / len(tiles)
        found = {WITHOUT_TILE: 1 - self.worst_tile.lost, TILES: matter}
        if repeats := self.repeats:
            missed = min(repeats.without, key=lambda score: score.log_odds)
            found[WITHOUT_COPY] = 1 - missed.lost
            found[WITH_HALF] = 1 - repeats.half.lost
            found[WITH_ONE] = 1 - repeats.alone[repeats.best].lost
        return found

    def scores(self) -> Iterator[tuple[str, object, Score]]:
        """Give each image that was scored: its kind, what part it lacks or has, and the score."""
        yield "saved", "", self.saved
        for row, scores in enumerate(self.tiles):
            for column, score in enumerate(scores):
                yield "tile", f"{row} {column}", score
        if repeats := self.repeats:
            copies = zip(repeats.looked_at, repeats.alone, repeats.without, strict=True)
            for number, alone, without in copies:
                yield "copy alone", number, alone
                yield "without copy", number, without
            yield "half of copies", "", repeats.half

    def panel(self) -> present.Panel:
        """Show its image with what was hidden."""
        text = "Its pattern does not repeat."
        if found := self.repeats:
            apart = " and ".join(f"{np.hypot(*step):.0f}" for step in found.steps)
            text = f"Its pattern repeats {found.copies:,} times, {apart} pixels apart."
        return present.Panel([present.Strip(self.strip, size=224)], self.name, text, wide=True)


class Ablation(present.Finding):
    """Which parts of a run's images carry the confidence."""

    about: ClassVar[str] = "which parts fool"

    run: RunFacts
    """the run"""
    target: str
    """the target that scored"""
    own_target: bool
    """whether that is the run's own target"""
    tiles: int
    """how many tiles stand side by side, and one above another"""
    repeated: int
    """how many images repeat themselves by a period"""
    medians: dict[str, float]
    """the median of each measure over the images that have it, as shares"""
    elites: tuple[EliteAblation, ...]
    """each elite with all scores"""

    @property
    def title(self) -> str:
        """The run's name."""
        return self.run.name

    def story(self) -> Iterator[present.Block]:
        """Tell what matters, all at a glance and image by image."""
        yield from (present.Headline(e, picture=self.run.picture) for e in self._headlines())
        target = "its own target" if self.own_target else self.target
        yield present.Text(f"{self.run.subject}, scored by {target}.")
        count = len(self.elites)
        if count < FEW:
            yield present.Note(f"With only {counted(count, 'image', 'images')}, a median is rough.")
        if not self.own_target:
            yield present.Note("The images were not evolved for the target that scored them here.")
        yield present.Note(METHOD)
        yield present.Section("At a glance")
        ranked = sorted(self.elites, key=lambda item: -item.saved.log_odds)
        rows = []
        for item in ranked:
            shares = item.shares()
            cells = (share(shares.get(measure, nan)) for measure in self.medians)
            rows.append((item.name, percent(item.saved.confidence), *cells))
        yield present.Table(("class", "confidence", *self.medians), rows, most=20)
        shown = [item for item in ranked if item.strip]
        few = f" You see {len(shown)} of {count:,} images." if len(shown) < count else ""
        yield present.Section("Image by image", f"{LEGEND}{few}")
        for item in shown:
            yield item.panel()

    def _headlines(self) -> Iterator[str]:
        kept = {measure: share(median) for measure, median in self.medians.items()}
        yield (
            f"Without the most important of its {self.tiles**2} tiles, the median image keeps "
            f"{kept[WITHOUT_TILE]} of its confidence."
        )
        yield (
            f"In the median image, hiding one tile costs more than {share(MATTERS)} of the "
            f"confidence for {kept[TILES] if self.medians[TILES] else 'none'} of the tiles."
        )
        if self.repeated:
            images = among(self.repeated, len(self.elites), "image", "images").capitalize()
            yield (
                f"{images} {'repeats' if self.repeated == 1 else 'repeat'} a pattern. The median "
                f"of these keeps {kept[WITHOUT_COPY]} of its confidence when the most important "
                f"copy is hidden, {kept[WITH_HALF]} with half of the copies, and {kept[WITH_ONE]} "
                "with the best copy alone."
            )

    def records(self) -> present.Records:
        """Give a row for each image that was scored."""
        rows = [
            (self.run.path, self.run.seed, item.name, kind, part, *score.model_dump().values())
            for item in self.elites
            for kind, part, score in item.scores()
        ]
        heads = ("run", "seed", "class", "kind", "part", *Score.model_fields)
        return present.Records(heads, rows)
