"""Taking images apart: copies, tiles, nodes and connections are taken away, and the rest scored."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.analysis.ablation import Ablated, Ablation, Quartiles, Repeats
from neatfool.analysis.occlusion import MOST_COPIES, draw_map, hide_copies, hide_tiles
from neatfool.analysis.repetition import find_repetition, label_copies
from neatfool.analysis.weighing import (
    PRUNINGS,
    draw,
    draw_nodes,
    is_cppn,
    score_images,
    score_network,
    simplest,
    with_importance,
)
from neatfool.errors import ExperimentError
from neatfool.files import read_whole, refuse_link
from neatfool.fooling.choosing import check_classes, choose_elites
from neatfool.fooling.opening import open_runs, open_scorer
from neatfool.present.output import Output
from neatfool.present.story import (
    Cell,
)
from neatfool.run.images import encode_png
from neatfool.wording import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import networkx as nx

    from neatfool.analysis.weighing import Score
    from neatfool.run.individual import EliteView
    from neatfool.run.run import Run
    from neatfool.scoring.scorer import Scorer

USUAL_TILES: Final = 8
SHOWN: Final = 10
"""The page shows so many elites at most, so that it stays below a few MB."""
NODES: Final = 5
"""Of each network, so many hidden nodes are shown with what they draw."""
FILE: Final = "ablation.jsonl"
METHOD: Final = 2
"""Changes when elites are taken apart in another way, so that kept ones are not mixed with new."""


def ablate(
    run: Run | str | Path,
    *,
    tiles: int | None = None,
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    target: str | Path | None = None,
    seed: int = 1,
    max_queries: int | None = None,
    console: Output | None = None,
) -> Ablation:
    """Take parts of images, and of the networks that draw them, away, and score what is left.

    What is finished is kept in the run's folder, in ``ablation.jsonl``, so that an interrupted call
    goes on when it is made again.

    Args:
        run: The run, or the folder that holds it.
        tiles: How many tiles stand side by side, and one above another; 8 if absent.
        classes: The classes of the elites; all if empty.
        least: Their least recorded confidence.
        sample: How many to draw at random; all if absent.
        target: An experiment's file, whose target scores in place of the run's own.
        seed: The seed of the sample.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Raises:
        ExperimentError: There is no such class, or the target does not know the classes, or there
            are more tiles than pixels.
        RunError: No elite fits.
        UntrustedRun: Somebody else made the run, whose own target is to score.
        BudgetSpent: The target costs something, and the budget does not suffice.
    """
    console = console or Output(quiet=True)
    with open_runs(run, scored=target is None) as opened, ExitStack() as ending:
        if len(opened) > 1:
            raise ExperimentError(f"{run}: holds {len(opened)} runs; name one of them")
        (of,) = opened
        elites = choose_elites(of, classes=classes, least=least, sample=sample, seed=seed)
        most = min(of.spec.height, of.spec.width)
        tiles = tiles or min(USUAL_TILES, most)
        if tiles > most:
            raise ExperimentError(
                f"--tiles {tiles}: the run's images have {of.spec.width} x {of.spec.height} "
                "pixels; give a smaller number"
            )
        with console.status("loading the target"):
            scorer = ending.enter_context(
                closing(open_scorer(target or of, max_queries=max_queries))
            )
        check_classes(scorer, elites)
        journal = _Journal(of, scorer, tiles)
        total = sum(_most_images(elite, tiles) for elite in elites if not journal.find(elite))
        if total:
            scorer.check_allowed(total, max_queries)
        if scorer.costs:
            console.say(f"{scorer.name}: this takes up to {total:,} queries")
        items = []
        with console.progress(total) as note:
            for elite in elites:
                found = journal.find(elite)
                if found is None:
                    found = _ablate_elite(elite, scorer, tiles, note)
                    journal.add(found)
                items.append(found)
        if journal.fault:
            console.say(
                f"{of.path / FILE}: cannot be written ({journal.fault}), so nothing is kept"
            )
        repeats = [item.repeats for item in items if item.repeats]
        mirrored = sum(bool(each.mirrors) for each in repeats)
        return Ablation(
            path=str(of.path),
            name=of.name,
            seed=of.seed,
            evaluations=of.evaluations,
            elites_of_run=len(of),
            target=scorer.name,
            own_target=target is None,
            tiles=tiles,
            repeated=len(repeats) - mirrored,
            mirrored=mirrored,
            summary=Quartiles.of(items),
            elites=_with_pictures(elites, items),
        )


def _most_images(elite: EliteView, tiles: int) -> int:
    """Say how many images of an elite are scored at most."""
    count = 1 + tiles**2 + 2 * MOST_COPIES + 1
    if is_cppn(elite):
        graph = elite.graph()
        count += 1 + len(graph) + graph.number_of_edges() + PRUNINGS
    return count


def _ablate_elite(
    elite: EliteView, scorer: Scorer, tiles: int, note: Callable[[str, int], None]
) -> Ablated:
    """Take an elite apart."""
    left = _most_images(elite, tiles)

    def count(images: int) -> None:
        nonlocal left
        left -= images
        note(elite.name, images)

    count(0)
    image = elite.saved_pixels()
    images = [image, *hide_tiles(image, tiles)]
    if repetition := find_repetition(image):
        labels = label_copies(image.shape[1:], repetition)
        looked_at, hidden = hide_copies(image, labels)
        images += hidden
    stacked = torch.from_numpy(np.stack(images))
    saved, *scores = score_images(scorer, elite.name, stacked)
    count(len(images))
    repeats = None
    if repetition:
        half, *rest = scores[tiles**2 :]
        repeats = Repeats(
            **repetition.model_dump(),
            copies=int(labels.max()) + 1,
            looked_at=tuple(looked_at),
            alone=tuple(rest[: len(looked_at)]),
            without=tuple(rest[len(looked_at) :]),
            half=half,
        )
    graph = score_network(elite, scorer, note=count) if is_cppn(elite) else None
    count(left)
    return Ablated(
        name=elite.name,
        index=elite.index,
        genome=elite.candidate_id,
        recorded=elite.confidence,
        saved=saved,
        tiles=tuple(tuple(scores[row * tiles : (row + 1) * tiles]) for row in range(tiles)),
        repeats=repeats,
        graph=graph,
    )


def _with_pictures(elites: Sequence[EliteView], items: Sequence[Ablated]) -> tuple[Ablated, ...]:
    """Add networks to what came out, and pictures to some: evenly from the surest to the least."""
    order = np.argsort([-item.saved.log_odds for item in items], kind="stable")
    shown = {*order[np.rint(np.linspace(0, len(order) - 1, SHOWN)).astype(int)].tolist()}
    found = []
    for place, (elite, item) in enumerate(zip(elites, items, strict=True)):
        graph = with_importance(elite, item.graph) if item.graph else None
        more: dict[str, object] = {"file": elite.file.stem, "weighed": graph}
        if place in shown:
            more["strip"], more["node_strip"] = _strip(elite, item), _nodes(elite, item, graph)
        found.append(item.model_copy(update=more))
    return tuple(found)


def _strip(elite: EliteView, item: Ablated) -> tuple[Cell, ...]:
    """Show an image as saved, what its tiles are worth, and what carries most with few parts."""
    image = elite.saved_pixels()

    def sure(score: Score) -> str:
        return percent(score.confidence, score.log_odds)

    drops = item.saved.log_odds - np.array([[s.log_odds for s in row] for row in item.tiles])
    map_of = draw_map(image, drops, [score.confidence for score in item.all_tiles])
    cells = [
        Cell(encode_png(image), "as saved", sure(item.saved)),
        Cell(map_of, "without a tile", f"at least {sure(item.worst_tile)}"),
    ]
    if repeats := item.repeats:
        _, (half, *alone) = hide_copies(image, label_copies(image.shape[1:], repeats))
        if repeats.copies > 2:
            cells.append(Cell(encode_png(half), "half of the copies", sure(repeats.half)))
        one = encode_png(alone[repeats.best])
        cells.append(Cell(one, "one copy", sure(repeats.alone[repeats.best])))
    if graph := item.graph:
        (simple,) = draw(elite, [simplest(elite, graph)]).numpy()
        what = f"{graph.suffice_for_half} of {len(graph.connections)} connections"
        kept = graph.pruned.get(graph.suffice_for_half, graph.drawn)
        cells.append(Cell(encode_png(simple), what, sure(kept)))
    return tuple(cells)


def _nodes(elite: EliteView, item: Ablated, graph: nx.DiGraph | None) -> tuple[Cell, ...]:
    """Show what the hidden nodes draw that matter most."""
    if item.graph is None or graph is None:
        return ()
    scores = item.graph.nodes
    hidden = [node for node in scores if graph.nodes[node]["kind"] == "hidden"]
    nodes = sorted(hidden, key=lambda node: scores[node].log_odds)[:NODES]
    return tuple(
        Cell(
            encode_png(pixels),
            str(graph.nodes[node]["activation"]),
            f"without it {percent(scores[node].confidence)}",
        )
        for node, pixels in zip(nodes, draw_nodes(elite, nodes), strict=True)
    )


class _Journal:
    """The file ``RUN/ablation.jsonl``: a line for each elite that was taken apart.

    Attributes:
        fault: Why it cannot be written; empty if it can.
    """

    def __init__(self, run: Run, scorer: Scorer, tiles: int) -> None:
        """Read what was found with the same target and the same tiles.

        Raises:
            StorageError: The file is a link.
        """
        self._path = refuse_link(run.path / FILE)
        self._how = [METHOD, scorer.fingerprint, tiles]
        self._kept: dict[tuple[int, int], Ablated] = {}
        self.fault = ""
        there = self._path.exists()
        text = read_whole(self._path).decode(errors="replace") if there else ""
        self._before = "\n" if text and not text.endswith("\n") else ""
        for line in text.splitlines():
            try:
                told = json.loads(line)
                if told["how"] == self._how:
                    found = Ablated.model_validate(told["elite"])
                    self._kept[found.index, found.genome] = found
            except (ValueError, TypeError, KeyError):
                continue  # the command was killed while it wrote this line

    def find(self, elite: EliteView) -> Ablated | None:
        """Give what was found of an elite; None if nothing was."""
        return self._kept.get((elite.index, elite.candidate_id))

    def add(self, found: Ablated) -> None:
        """Write down what was found; where a run cannot be written to, it is not kept."""
        line = json.dumps({"how": self._how, "elite": found.model_dump(mode="json")})
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{self._before}{line}\n")
            self._before = ""
        except OSError as error:
            self.fault = str(error.strerror or error)
