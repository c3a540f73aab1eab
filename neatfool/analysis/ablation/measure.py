"""Takes images apart: copies, tiles, nodes and connections go away, and the rest is scored."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from neatfool.analysis.ablation.finding import Ablated, Ablation, Quartiles, Repeats
from neatfool.analysis.ablation.occlusion import MOST_COPIES, draw_map, hide_copies, hide_tiles
from neatfool.analysis.ablation.repetition import find_repetition, label_copies
from neatfool.analysis.ablation.weighing import (
    PRUNINGS,
    draw,
    draw_nodes,
    is_cppn,
    score_images,
    score_network,
    simplest,
    with_importance,
)
from neatfool.analysis.of_run import OfRun
from neatfool.errors import ExperimentError
from neatfool.files import read_whole, refuse_link
from neatfool.fooling.choosing import check_classes, choose_elites
from neatfool.fooling.opening import open_runs, open_scorer
from neatfool.present.charts.spacing import evenly
from neatfool.present.output import Output
from neatfool.present.story import Cell
from neatfool.run.images import encode_png
from neatfool.wording import percent

if TYPE_CHECKING:
    from neatfool.analysis.ablation.weighing import NetworkScores, Score
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
        own = opened[0]
        elites = choose_elites(own, classes=classes, least=least, sample=sample, seed=seed)
        tiles = _choose_tiles(own, tiles)
        with console.status("loading the target"):
            scorer = open_scorer(target or own, max_queries=max_queries)
        ending.callback(scorer.close)
        items = _ablate(own, elites, scorer, tiles, max_queries=max_queries, console=console)
        repeats = [item.repeats for item in items if item.repeats]
        mirrored = sum(bool(each.mirrors) for each in repeats)
        return Ablation(
            **OfRun.facts(own, 0) | {"elites": _with_pictures(elites, items)},
            target=scorer.name,
            own_target=target is None,
            tiles=tiles,
            repeated=len(repeats) - mirrored,
            mirrored=mirrored,
            summary=Quartiles.of(items),
        )


def _choose_tiles(run: Run, tiles: int | None) -> int:
    most = min(run.spec.height, run.spec.width)
    if tiles and tiles > most:
        raise ExperimentError(
            f"--tiles {tiles}: the run's images have {run.spec.width} x {run.spec.height} "
            "pixels; give a smaller number"
        )
    return tiles or min(USUAL_TILES, most)


def _ablate(
    run: Run,
    elites: Sequence[EliteView],
    scorer: Scorer,
    tiles: int,
    *,
    max_queries: int | None,
    console: Output,
) -> list[Ablated]:
    """Take elites apart, but for those that were taken apart before."""
    check_classes(scorer, elites)
    method = [METHOD, scorer.fingerprint, tiles]
    kept = _read_kept(run, method)
    missing = [elite for elite in elites if (elite.index, elite.candidate_id) not in kept]
    total = sum(_most_images(elite, tiles) for elite in missing)
    if total:
        scorer.check_allowed(total, max_queries)
    if scorer.costs:
        console.say(f"{scorer.name}: this takes up to {total:,} queries")
    fault: OSError | None = None
    with console.progress(len(missing), "elites") as note:
        for elite in missing:
            note(elite.name, 0)
            found = _ablate_elite(elite, scorer, tiles)
            note(elite.name, 1)
            kept[elite.index, elite.candidate_id] = found
            try:
                _keep(run, method, found)
            except OSError as error:
                fault = error
    if fault:
        why = fault.strerror or fault
        console.say(f"{run.path / FILE}: cannot be written ({why}), so nothing is kept")
    return [kept[elite.index, elite.candidate_id] for elite in elites]


def _read_kept(run: Run, method: list[Any]) -> dict[tuple[int, int], Ablated]:
    """Read ``RUN/ablation.jsonl``: what was found in the same way, by class and genome.

    Raises:
        StorageError: The file is a link.
    """
    path, kept = refuse_link(run.path / FILE), {}
    for line in read_whole(path).splitlines() if path.exists() else ():
        # A line may be cut short: the command was killed while it wrote it.
        with suppress(ValueError, TypeError, KeyError):
            record = json.loads(line)
            if record["how"] == method:
                found = Ablated.model_validate(record["elite"])
                kept[found.index, found.genome] = found
    return kept


def _keep(run: Run, method: list[Any], found: Ablated) -> None:
    """Write down what was found, in a line of its own."""
    line = json.dumps({"how": method, "elite": found.model_dump(mode="json")})
    with (run.path / FILE).open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read() == b"\n" else f"\n{line}"
        file.write(f"{line}\n".encode())


def _most_images(elite: EliteView, tiles: int) -> int:
    """Say how many images of an elite are scored at most."""
    count = 1 + tiles**2 + 2 * MOST_COPIES + 1
    if is_cppn(elite):
        graph = elite.graph()
        count += 1 + len(graph) + graph.number_of_edges() + PRUNINGS
    return count


def _ablate_elite(elite: EliteView, scorer: Scorer, tiles: int) -> Ablated:
    """Take an elite apart."""
    image = elite.saved_pixels()
    images = [image, *hide_tiles(image, tiles)]
    if repetition := find_repetition(image):
        labels = label_copies(image.shape[1:], repetition)
        looked_at, hidden = hide_copies(image, labels)
        images += hidden
    saved, *scores = score_images(scorer, elite.name, torch.from_numpy(np.stack(images)))
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
    return Ablated(
        name=elite.name,
        index=elite.index,
        genome=elite.candidate_id,
        recorded=elite.confidence,
        saved=saved,
        tiles=tuple(tuple(scores[row * tiles : (row + 1) * tiles]) for row in range(tiles)),
        repeats=repeats,
        graph=score_network(elite, scorer) if is_cppn(elite) else None,
    )


def _with_pictures(elites: Sequence[EliteView], items: Sequence[Ablated]) -> tuple[Ablated, ...]:
    """Add networks to what came out, and pictures to some: evenly from the surest to the least."""
    order = np.argsort([-item.saved.log_odds for item in items], kind="stable")
    shown = {*order[evenly(len(order), SHOWN)].tolist()}
    found = []
    for place, (elite, item) in enumerate(zip(elites, items, strict=True)):
        more: dict[str, object] = {"file": elite.file.stem}
        if item.graph:
            more["weighed"] = with_importance(elite, item.graph)
        if place in shown:
            more |= {"strip": _strip(elite, item), "node_strip": _nodes(elite, item.graph)}
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


def _nodes(elite: EliteView, scores: NetworkScores | None) -> tuple[Cell, ...]:
    """Show what the hidden nodes draw that matter most."""
    if scores is None:
        return ()
    found, data = scores.nodes, elite.graph().nodes
    hidden = [node for node in found if data[node]["kind"] == "hidden"]
    nodes = sorted(hidden, key=lambda node: found[node].log_odds)[:NODES]
    texts = [f"without it {percent(found[node].confidence)}" for node in nodes]
    return tuple(
        Cell(encode_png(pixels), str(data[node]["activation"]), text)
        for node, pixels, text in zip(nodes, draw_nodes(elite, nodes), texts, strict=True)
    )
