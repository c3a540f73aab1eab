"""What is said of ablation: which parts of images and networks carry the confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from neatfool.analysis.ablation.repetition import Repetition
from neatfool.analysis.ablation.weighing import NetworkScores, Score
from neatfool.errors import StorageError
from neatfool.present.charts.figure import SURFACE
from neatfool.present.charts.lines import Line, lines_of_shares
from neatfool.present.finding import Facts, Finding, Records
from neatfool.present.graph.drawing import draw_graph
from neatfool.present.graph.export import export_graph
from neatfool.present.story import Cell, Chart, Headline, Note, Panel, Section, Strip, Table, Text
from neatfool.wording import level, percent, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neatfool.present.story import Block

MATTERS: Final = 0.1
"""A part matters if more than this share of the confidence is lost without it."""
FEW: Final = 50
LISTED: Final = 20
"""The most elites that the terminal lists; files have all."""
WITHOUT_COPY: Final = "kept without a copy"
WITH_HALF: Final = "kept with half of the copies"
WITH_ONE: Final = "kept with one copy"
WITH_MIRRORED: Final = "kept with a mirrored part"
WITHOUT_TILE: Final = "kept without a tile"
TILES: Final = "tiles that matter"
NODES: Final = "nodes that matter"
CONNECTIONS: Final = "connections that matter"
SUFFICE: Final = "connections that suffice"
MEASURES: Final = (
    *(WITHOUT_TILE, TILES, NODES, CONNECTIONS, SUFFICE),
    *(WITHOUT_COPY, WITH_HALF, WITH_ONE, WITH_MIRRORED),
)
"""Shares of the confidence that stay, and shares of parts; those that most images have first."""
_MIRRORS: Final = {
    ("rows",): "upper and lower half",
    ("columns",): "left and right half",
    ("rows", "columns"): "four quarters",
}
_HEADS: Final = ("run", "seed", "class", "kind", "part", "confidence", "log_odds", "lost")


def _matter(scores: Iterable[Score]) -> int:
    return sum(score.lost > MATTERS for score in scores)


class Repeats(Repetition):
    """How an image repeats itself, and what stays if copies of what is repeated are hidden."""

    copies: int = Field(description="how many copies there are")
    looked_at: tuple[int, ...] = Field(
        description="the numbers of those that were looked at one by one, 0 for the most central"
    )
    alone: tuple[Score, ...] = Field(description="with each of these alone")
    without: tuple[Score, ...] = Field(description="without each")
    half: Score = Field(description="with half of all copies, those nearest to the middle")

    @property
    def best(self) -> int:
        """The place, in ``alone``, of the copy that does best alone."""
        return max(range(len(self.alone)), key=lambda place: self.alone[place].log_odds)

    @property
    def words(self) -> str:
        """How it repeats itself: ``"3 copies, 73 pixels apart"``."""
        if self.mirrors:
            return _MIRRORS[self.mirrors]
        apart = " and ".join(f"{np.hypot(*step):.0f}" for step in self.steps)
        return f"{self.copies} copies, {apart} pixels apart"


class Ablated(Facts):
    """An elite's image, taken apart."""

    name: str = Field(description="the name of its class")
    index: int = Field(description="the index of its class")
    genome: int = Field(description="the id of its genome")
    recorded: float = Field(description="the confidence that the run recorded")
    saved: Score = Field(description="how sure the target is of the saved image")
    tiles: tuple[tuple[Score, ...], ...] = Field(
        description="the scores without each tile of a grid, row by row"
    )
    repeats: Repeats | None = Field(
        description="how the image repeats itself, and the scores without copies; null if it does "
        "not"
    )
    graph: NetworkScores | None = Field(
        description="the scores of what its network draws without a part; null if it has none"
    )
    strip: tuple[Cell, ...] = Field((), exclude=True, repr=False)
    node_strip: tuple[Cell, ...] = Field((), exclude=True, repr=False)
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
        found = {
            WITHOUT_TILE: 1 - self.worst_tile.lost,
            TILES: _matter(self.all_tiles) / len(self.all_tiles),
        }
        if repeats := self.repeats:
            best = 1 - repeats.alone[repeats.best].lost
            if repeats.mirrors:
                found[WITH_MIRRORED] = best
            else:
                missed = min(repeats.without, key=lambda score: score.log_odds)
                found |= {WITHOUT_COPY: 1 - missed.lost, WITH_ONE: best}
                found[WITH_HALF] = 1 - repeats.half.lost
        if graph := self.graph:
            connections = max(len(graph.connections), 1)
            found[NODES] = _matter(graph.nodes.values()) / len(graph.nodes)
            found[CONNECTIONS] = _matter(graph.connections) / connections
            found[SUFFICE] = graph.suffice_for_half / connections
        return found

    def scores(self) -> Iterator[tuple[str, object, Score]]:
        """Give each image that was scored: its kind, what part it lacks or has, and the score."""
        yield "saved", "", self.saved
        for row, scores in enumerate(self.tiles):
            for column, score in enumerate(scores):
                yield "tile", f"{row} {column}", score
        if repeats := self.repeats:
            scores_of = zip(repeats.looked_at, repeats.alone, repeats.without, strict=True)
            for number, alone, without in scores_of:
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

    def panel(self) -> Panel:
        """Show its image with what was hidden, its network, and what hidden nodes draw."""
        blocks: list[Strip | Chart] = [Strip(self.strip, size=224)]
        if self.weighed is not None:
            about = f"The network of {self.name}, by the importance of its nodes and connections"
            draw = partial(draw_graph, self.weighed, background=SURFACE, shade="importance")
            blocks.append(Chart(about, draw))
        if self.node_strip:
            text = (
                "Here is what the hidden nodes draw without which the confidence falls most. Black "
                "is 0, white is 1 or -1."
            )
            blocks.append(Strip(self.node_strip, text=text, size=112))
        repeats = self.repeats.words if self.repeats else "no"
        return Panel(blocks, self.name, f"Repeats itself: {repeats}.", wide=True)


class Quartiles(Facts):
    """A measure over all images that have it."""

    measure: str = Field(description="its name")
    elites: int = Field(description="how many elites have it")
    lower_quartile: float = Field(description="the lower quartile")
    median: float = Field(description="the median")
    upper_quartile: float = Field(description="the upper quartile")

    @classmethod
    def of(cls, items: Iterable[Ablated]) -> tuple[Quartiles, ...]:
        """Sum up each measure that some image has."""
        all_of = [item.shares() for item in items]
        found = []
        for name in MEASURES:
            if values := [shares[name] for shares in all_of if name in shares]:
                low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
                figures = {"lower_quartile": low, "median": median, "upper_quartile": high}
                found.append(cls(measure=name, elites=len(values), **figures))
        return tuple(found)


class Ablation(Finding):
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
    summary: tuple[Quartiles, ...] = Field(description="each measure over the images, as shares")
    elites: tuple[Ablated, ...] = Field(description="each elite with all scores")

    @property
    def title(self) -> str:
        """The run's name."""
        return self.name

    @property
    def ranked(self) -> list[Ablated]:
        """The elites, the surest first."""
        return sorted(self.elites, key=lambda item: -item.saved.log_odds)

    def story(self) -> Iterator[Block]:
        """Tell what matters, all at a glance and image by image."""
        for text in self._headlines():
            yield Headline(text)
        count = len(self.elites)
        of_all = f" of {self.elites_of_run:,}" if count < self.elites_of_run else ""
        yield Text(
            f"{self.name}, seed {self.seed}, after {self.evaluations:,} images: {count:,}{of_all} "
            f"elite{'s' * (self.elites_of_run != 1)}, scored by "
            f"{'its own target' if self.own_target else self.target}"
        )
        if count < FEW:
            yield Note(f"With so few images a median is rough: one is {share(1 / count)}.")
        if not self.own_target:
            yield Note("The target is not the one that the images were evolved for.")
        graphs = [item.graph for item in self.elites if item.graph]
        networks = bool(graphs)
        if not graphs:
            yield Note(
                "The run's encoding draws no networks that can be taken apart, so there are no "
                "nodes and connections to weigh."
            )
        yield Section("At a glance")
        measures = [each.measure for each in self.summary]
        rows = [
            (
                *(each.measure, share(each.median), share(each.lower_quartile)),
                *(share(each.upper_quartile), f"{each.elites:,}"),
            )
            for each in self.summary
        ]
        yield Panel([Table(("", "median", "lower quartile", "upper quartile", "images"), rows)])
        if curves := [graph for graph in graphs if graph.pruned]:
            yield Chart(
                "The share of the confidence that stays as more and more connections are cut",
                lambda: _cutting_down(curves),
                "What stays as connections are cut",
                "The share of the confidence that stays, by the share of the connections that are "
                "cut, those that matter least first. The thin lines are quartiles.",
            )
        by_image = [
            (item.name, percent(item.saved.confidence), *(share(s.get(m, nan)) for m in measures))
            for item in self.ranked
            for s in [item.shares()]
        ]
        heads = ("class", "confidence", *measures)
        yield Table(heads, by_image, most=LISTED, where="terminal")
        yield from self._images(networks=networks)
        yield from self._notes(networks=networks)

    def records(self) -> Records:
        """Give a row for each image that was scored."""
        rows = [
            (*place, kind, part, score.confidence, score.log_odds, score.lost)
            for item in self.elites
            for place in [(self.path, self.seed, item.name)]
            for kind, part, score in item.scores()
        ]
        return Records(_HEADS, rows)

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
                export_graph(item.weighed, folder / f"{item.file}{suffix}")
        return len(drawn)

    def _headlines(self) -> Iterator[str]:
        median = {each.measure: share(each.median) for each in self.summary}
        text = (
            f"Of {len(self.elites):,} image{'s' * (len(self.elites) != 1)}, {self.repeated:,} "
            f"{'repeats itself' if self.repeated == 1 else 'repeat themselves'} by a period."
        )
        if self.repeated:
            text += (
                f" Without the copy that is missed most, {median[WITHOUT_COPY]} of the confidence "
                f"stays (the median); with half of the copies {median[WITH_HALF]}; with the one "
                f"that does best alone {median[WITH_ONE]}."
            )
        if self.mirrored:
            text += (
                f" {self.mirrored:,} {'is' if self.mirrored == 1 else 'are'} only mirrored: with "
                f"the half or quarter that does best alone, {median[WITH_MIRRORED]} of it stays."
            )
        yield text
        yield (
            f"Without the one of {self.tiles**2} tiles that is missed most, {median[WITHOUT_TILE]} "
            f"of the confidence stays. {median[TILES]} of the tiles matter."
        )
        if NODES in median:
            yield (
                f"{median[NODES]} of the nodes of a network matter, and {median[CONNECTIONS]} of "
                f"its connections. {median[SUFFICE]} of the connections suffice for half of the "
                "confidence."
            )

    def _images(self, *, networks: bool) -> Iterator[Block]:
        shown = [item for item in self.ranked if item.strip]
        text = (
            "On the map, the number is the confidence, in per cent, that is left when that tile is "
            "hidden. Orange tiles are missed, the more the stronger the colour; without a blue "
            "tile the target is surer."
        )
        if networks:
            text += (
                " In a network, the number under a node is the share of the confidence that is "
                "lost without it; what is thick and strong in colour matters, what is faint and "
                "thin does not."
            )
        if len(shown) < len(self.elites):
            text += (
                f" You see {len(shown)} of {len(self.elites):,} images, from the surest to the "
                "least sure."
            )
        yield Section("Image by image", text)
        for item in shown:
            yield item.panel()

    @staticmethod
    def _notes(*, networks: bool) -> Iterator[Block]:
        yield Note(
            "Kept is the share of the confidence that stays: without the copy, or the tile, that "
            "is missed most; with the one copy that does best alone."
        )
        yield Note(
            "What is hidden gets the image's mean colour. An image repeats itself if it looks "
            "alike when it is moved by a period, or mirrored; its copies are then stripes, "
            "parallelograms, halves or quarters of it."
        )
        text = f"A part matters if more than {share(MATTERS)} of the confidence is lost without it."
        if networks:
            text += (
                " A connection is cut by a weight of 0; a node without it is 0 everywhere. To find "
                "out how many connections suffice, those that matter least are cut first, all at "
                "once: a twentieth, two twentieths, and so on."
            )
        yield Note(text)


def _cutting_down(graphs: Sequence[NetworkScores]) -> Figure:
    """Draw how much confidence stays as connections of some networks are cut."""
    places = np.linspace(0, 1, 21)
    courses = []
    for graph in graphs:
        cut = [0.0, *(1 - left / len(graph.connections) for left in graph.pruned)]
        kept = [1.0, *(1 - score.lost for score in graph.pruned.values())]
        courses.append(np.interp(places, cut, kept))
    low, middle, high = np.quantile(courses, (0.25, 0.5, 0.75), axis=0)
    lines = [Line(middle, f"median of {len(courses)}", 0)]
    lines += [Line(quartile, "", 0, thin=True) for quartile in (low, high)]
    ticks = [level(place) if number % 5 == 0 else "" for number, place in enumerate(places)]
    return lines_of_shares(lines, ticks, right=120)
