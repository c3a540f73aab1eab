"""What is said of ablation: which parts of images and networks carry the confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool import StorageError, present
from neatfool.measure import FEW
from neatfool.present import SURFACE
from neatfool.wording import counted, level, percent, share

from .importance import NetworkScores, Score
from .repetition import Repetition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MATTERS: Final = 0.1
"""A part matters if more than this share of the confidence is lost without it."""
MEASURES: Final = {
    "tile": "kept without a tile",
    "tiles": "tiles that matter",
    "nodes": "nodes that matter",
    "connections": "connections that matter",
    "suffice": "connections that suffice",
    "copy": "kept without a copy",
    "half": "kept with half of the copies",
    "one": "kept with one copy",
    "mirrored": "kept with a mirrored part",
}
"""Shares of the confidence that stay, and shares of parts; those that most images have first."""
_MIRRORS: Final = {
    ("rows",): "upper and lower half",
    ("columns",): "left and right half",
    ("rows", "columns"): "four quarters",
}
FIGURES: Final = ("confidence", "log_odds", "lost")
ON_MAPS: Final = (
    "On the map, the number is the confidence, in per cent, that is left when that tile is hidden. "
    "Orange tiles are missed, the more the stronger the colour; without a blue tile the target is "
    "surer."
)
ON_NETWORKS: Final = (
    " In a network, the number under a node is the share of the confidence that is lost without "
    "it; what is thick and strong in colour matters, what is faint and thin does not."
)
KEPT: Final = (
    "Kept is the share of the confidence that stays: without the copy, or the tile, that is missed "
    "most; with the one copy that does best alone."
)
HIDDEN: Final = (
    "What is hidden gets the image's mean colour. An image repeats itself if it looks alike when "
    "it is moved by a period, or mirrored."
)
CUT: Final = " A connection is cut by a weight of 0; a node without it is 0 everywhere."


class RepetitionScores(Repetition):
    """How an image repeats itself, and what stays if copies of what is repeated are hidden."""

    copies: int = Field(description="how many copies there are")
    looked_at: tuple[int, ...] = Field(description="those looked at singly, 0 the most central")
    alone: tuple[Score, ...] = Field(description="with each of these alone")
    without: tuple[Score, ...] = Field(description="without each")
    half: Score = Field(description="with half of all copies, those nearest to the middle")

    @property
    def best(self) -> int:
        """The place, in ``alone``, of the copy that does best alone."""
        return int(np.argmax([score.log_odds for score in self.alone]))


class EliteAblation(present.Facts):
    """An elite's image, taken apart."""

    name: str = Field(description="the name of its class")
    index: int = Field(description="the index of its class")
    genome: int = Field(description="the id of its genome")
    recorded: float = Field(description="the confidence that the run recorded")
    saved: Score = Field(description="how sure the target is of the saved image")
    tiles: tuple[tuple[Score, ...], ...] = Field(description="without each tile, row by row")
    repeats: RepetitionScores | None = Field(
        description="how it repeats itself; null if it does not"
    )
    graph: NetworkScores | None = Field(description="what parts of its network are worth, if any")
    strip: tuple[present.Cell, ...] = Field((), exclude=True, repr=False)
    file: str = Field("", exclude=True, repr=False)
    weighed: Any = Field(None, exclude=True, repr=False)

    @property
    def all_tiles(self) -> list[Score]:
        """The scores without each tile, one after another."""
        return [score for row in self.tiles for score in row]

    @property
    def worst_tile(self) -> Score:
        """Without the tile that is missed most."""
        return min(self.all_tiles, key=lambda score: score.log_odds)

    def shares(self) -> dict[str, float]:
        """Give those of :data:`MEASURES` that this image has."""

        def matter(scores: Iterable[Score]) -> int:
            return sum(score.lost > MATTERS for score in scores)

        tiles = self.all_tiles
        found = {"tile": 1 - self.worst_tile.lost, "tiles": matter(tiles) / len(tiles)}
        if graph := self.graph:
            count = max(len(graph.connections), 1)
            found["nodes"] = matter(graph.nodes.values()) / len(graph.nodes)
            found["connections"] = matter(graph.connections) / count
            found["suffice"] = graph.suffice_for_half / count
        if repeats := self.repeats:
            best = 1 - repeats.alone[repeats.best].lost
            missed = 1 - min(repeats.without, key=lambda score: score.log_odds).lost
            of_period = {"copy": missed, "half": 1 - repeats.half.lost, "one": best}
            found |= {"mirrored": best} if repeats.mirrors else of_period
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
        if graph := self.graph:
            yield "drawn", "", graph.drawn
            for node, score in graph.nodes.items():
                yield "node", node, score
            for edge in graph.connections:
                yield "connection", f"{edge.source} {edge.target}", edge
            for left, score in graph.pruned.items():
                yield "connections left", left, score

    def panel(self) -> present.Panel:
        """Show its image with what was hidden, and its network."""
        blocks: list[present.Strip | present.Chart] = [present.Strip(self.strip, size=224)]
        if self.weighed is not None:
            about = f"The network of {self.name}, by the importance of its nodes and connections"
            draw = partial(present.draw_graph, self.weighed, background=SURFACE, shade="importance")
            blocks.append(present.Chart(about, draw))
        repeats = "no"
        if found := self.repeats:
            apart = " and ".join(f"{np.hypot(*step):.0f}" for step in found.steps)
            periods = f"{found.copies} copies, {apart} pixels apart"
            repeats = _MIRRORS.get(found.mirrors, periods)
        return present.Panel(blocks, self.name, f"Repeats itself: {repeats}.", wide=True)


class AblationSummary(present.Facts):
    """A measure over all images that have it."""

    measure: str = Field(description="its name")
    elites: int = Field(description="how many elites have it")
    lower_quartile: float = Field(description="the lower quartile")
    median: float = Field(description="the median")
    upper_quartile: float = Field(description="the upper quartile")


class Ablation(present.Finding):
    """Which parts of a run's images, and of their networks, carry the confidence."""

    about: ClassVar[str] = "which parts fool"

    path: str = Field(description="the run's folder")
    name: str = Field(description="the run's name")
    seed: int = Field(description="the run's seed")
    evaluations: int = Field(description="how many images the run had scored")
    elites_of_run: int = Field(description="how many elites the run has")
    target: str = Field(description="the target that scored")
    own_target: bool = Field(description="whether that is the run's own target")
    tiles: int = Field(description="how many tiles stand side by side, and one above another")
    repeated: int = Field(description="how many images repeat themselves by a period")
    mirrored: int = Field(description="how many only by a mirror")
    summary: tuple[AblationSummary, ...] = Field(
        description="each measure over the images, as shares"
    )
    elites: tuple[EliteAblation, ...] = Field(description="each elite with all scores")

    @property
    def title(self) -> str:
        """The run's name."""
        return self.name

    def story(self) -> Iterator[present.Block]:
        """Tell what matters, all at a glance and image by image."""
        count, networks = len(self.elites), [item.graph for item in self.elites if item.graph]
        yield from map(present.Headline, self._headlines())
        of_all = f" of {self.elites_of_run:,}" if count < self.elites_of_run else ""
        elites = "elite" if self.elites_of_run == 1 else "elites"
        yield present.Text(
            f"{self.name}, seed {self.seed}, after {self.evaluations:,} images: {count:,}{of_all} "
            f"{elites}, scored by {'its own target' if self.own_target else self.target}"
        )
        if count < FEW:
            yield present.Note(f"With so few images a median is rough: one is {share(1 / count)}.")
        if not self.own_target:
            yield present.Note("The target is not the one that the images were evolved for.")
        if not networks:
            yield present.Note(
                "The run's encoding draws no networks that can be taken apart, so there are no "
                "nodes and connections to weigh."
            )
        yield present.Section("At a glance")
        rows = [
            (each.measure, *map(share, (each.median, each.lower_quartile, each.upper_quartile)),
             f"{each.elites:,}")
            for each in self.summary
        ]  # fmt: skip
        yield present.Panel(
            [present.Table(("", "median", "lower quartile", "upper quartile", "images"), rows)]
        )
        if curves := [graph for graph in networks if graph.pruned]:
            yield present.Chart(
                "The share of the confidence that stays as more and more connections are cut",
                partial(_cutting_down, curves),
                "What stays as connections are cut",
                "The share of the confidence that stays, by the share of the connections that are "
                "cut, those that matter least first. The thin lines are quartiles.",
            )
        ranked = sorted(self.elites, key=lambda item: -item.saved.log_odds)
        measures = {each.measure for each in self.summary}
        keys = [key for key, measure in MEASURES.items() if measure in measures]
        by_image = [
            (item.name, percent(item.saved.confidence), *(share(s.get(key, nan)) for key in keys))
            for item in ranked
            for s in [item.shares()]
        ]
        heads = ("class", "confidence", *map(MEASURES.__getitem__, keys))
        yield present.Table(heads, by_image, most=20, where="terminal")
        shown = [item for item in ranked if item.strip]
        few = f" You see {len(shown)} of {count:,} images, from the surest to the least sure."
        yield present.Section(
            "Image by image",
            f"{ON_MAPS}{ON_NETWORKS if networks else ''}{few if len(shown) < count else ''}",
        )
        for item in shown:
            yield item.panel()
        yield present.Note(KEPT)
        yield present.Note(HIDDEN)
        text = f"A part matters if more than {share(MATTERS)} of the confidence is lost without it."
        yield present.Note(f"{text}{CUT if networks else ''}")

    def _headlines(self) -> Iterator[str]:
        median = {each.measure: share(each.median) for each in self.summary}
        kept = {key: median.get(title, "") for key, title in MEASURES.items()}
        repeat = "repeats itself" if self.repeated == 1 else "repeat themselves"
        images = counted(len(self.elites), "image", "images")
        text = f"Of {images}, {self.repeated:,} {repeat} by a period."
        if self.repeated:
            text += (
                f" Without the copy that is missed most, {kept['copy']} of the confidence stays "
                f"(the median); with half of the copies {kept['half']}; with the one that does "
                f"best alone {kept['one']}."
            )
        if self.mirrored:
            text += (
                f" {self.mirrored:,} {'is' if self.mirrored == 1 else 'are'} only mirrored: with "
                f"the half or quarter that does best alone, {kept['mirrored']} of it stays."
            )
        yield text
        yield (
            f"Without the one of {self.tiles**2} tiles that is missed most, {kept['tile']} of the "
            f"confidence stays. {kept['tiles']} of the tiles matter."
        )
        if kept["nodes"]:
            yield (
                f"{kept['nodes']} of the nodes of a network matter, and {kept['connections']} of "
                f"its connections. {kept['suffice']} of the connections suffice for half of the "
                "confidence."
            )

    def records(self) -> present.Records:
        """Give a row for each image that was scored."""
        rows = [
            (self.path, self.seed, item.name, kind, part, *(getattr(score, f) for f in FIGURES))
            for item in self.elites
            for kind, part, score in item.scores()
        ]
        return present.Records(("run", "seed", "class", "kind", "part", *FIGURES), rows)

    def write_graphs(self, folder: str | Path) -> int:
        """Write each elite's graph with its importance as GraphML and JSON, and say how many.

        Raises:
            StorageError: The folder or a file cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be made: {error.strerror or error}") from error
        drawn = [item for item in self.elites if item.weighed is not None]
        for item in drawn:
            for suffix in (".graphml", ".json"):
                present.export_graph(item.weighed, folder / f"{item.file}{suffix}")
        return len(drawn)


def _cutting_down(graphs: Sequence[NetworkScores]) -> Figure:
    """Draw how much confidence stays as connections of some networks are cut."""
    places = np.linspace(0, 1, 21)
    courses = []
    for graph in graphs:
        cut = [0.0, *(1 - left / len(graph.connections) for left in graph.pruned)]
        kept = [1.0, *(1 - score.lost for score in graph.pruned.values())]
        courses.append(np.interp(places, cut, kept))
    low, middle, high = np.quantile(courses, (0.25, 0.5, 0.75), axis=0)
    lines = [present.ChartLine(middle, f"median of {len(courses)}", 0)]
    lines += [present.ChartLine(quartile, "", 0, thin=True) for quartile in (low, high)]
    ticks = [level(place) if number % 5 == 0 else "" for number, place in enumerate(places)]
    return present.lines_of_shares(lines, ticks, right=120)
