"""Taking images apart: copies, tiles, nodes and connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .asking import Score, ask, stack
from .graphs import PRUNINGS, GraphScores, is_cppn, score_graph
from .hiding import MOST_COPIES, hide_copies, hide_tiles
from .periods import Repetition, find_repetition, label_copies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import EliteView, Run, Scorer


@dataclass(frozen=True)
class Repeats:
    """What stays of the confidence if copies of what is repeated are hidden.

    Attributes:
        repetition: How the image repeats itself.
        copies: How many copies there are.
        looked_at: The numbers of those that were looked at one by one, 0 for the most central.
        alone: With each of these alone.
        without: Without each.
        half: With half of all copies, those nearest to the middle.
    """

    repetition: Repetition
    copies: int
    looked_at: list[int]
    alone: list[Score]
    without: list[Score]
    half: Score

    @property
    def best_alone(self) -> int:
        """The place, in ``alone``, of the copy that does best alone."""
        return max(range(len(self.alone)), key=lambda place: self.alone[place].log_odds)

    @property
    def best(self) -> Score:
        """With the copy alone that does best so."""
        return self.alone[self.best_alone]

    @property
    def most_missed(self) -> Score:
        """With all copies but the one that is missed most."""
        return min(self.without, key=lambda score: score.log_odds)


@dataclass(frozen=True)
class Ablation:
    """An elite's image, taken apart.

    Attributes:
        index: The index of its class.
        name: The name of its class.
        candidate_id: Its candidate's id.
        recorded: The confidence that the run recorded.
        saved: How sure the target is of the saved image.
        tiles: Of the image without each tile of a grid, row by row.
        repeats: Of the image without copies; None if it does not repeat itself.
        graph: Of what its network draws without a node or a connection; None if it has none.
    """

    index: int
    name: str
    candidate_id: int
    recorded: float
    saved: Score
    tiles: list[list[Score]]
    repeats: Repeats | None
    graph: GraphScores | None

    @property
    def worst_tile(self) -> Score:
        """Without the tile that is missed most."""
        return min((score for row in self.tiles for score in row), key=lambda s: s.log_odds)


@dataclass(frozen=True)
class Ablations:
    """Elites of a run, taken apart.

    Attributes:
        run: The run.
        target: The name of the target that scored.
        own: Whether that is the run's own target.
        tiles: How many tiles stand side by side.
        elites: The elites.
        items: What came out, for each of them.
    """

    run: Run
    target: str
    own: bool
    tiles: int
    elites: Sequence[EliteView]
    items: Sequence[Ablation]


def most_images(elite: EliteView, tiles: int) -> int:
    """Say how many images of an elite are scored at most."""
    count = 1 + tiles**2 + 2 * MOST_COPIES + 1
    if is_cppn(elite):
        graph = elite.graph()
        count += 1 + len(graph) + graph.number_of_edges() + PRUNINGS
    return count


def ablate_elite(
    elite: EliteView,
    scorer: Scorer,
    *,
    tiles: int,
    note: Callable[[str, int], None] = lambda what, images: None,
) -> Ablation:
    """Take an elite apart.

    Args:
        elite: The elite.
        scorer: The target, which knows its class.
        tiles: How many tiles stand side by side, and one above another.
        note: Told what is under way, and how many images have been scored since it was last told.

    Raises:
        RunError: The saved image is damaged.
        TargetError: The target failed.
        BudgetSpent: The budget does not suffice.
    """
    most, done = most_images(elite, tiles), 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        note(elite.name, images)

    note(elite.name, 0)
    image = elite.saved_pixels()
    images = [image, *hide_tiles(image, tiles)]
    repetition, hidden = find_repetition(image), None
    if repetition:
        hidden = hide_copies(image, label_copies(image.shape[1:], repetition))
        images += [hidden.half, *hidden.alone, *hidden.without]
    saved, *scores = ask(scorer, elite, stack(images))
    count(len(images))
    repeats = None
    if repetition and hidden:
        half, *rest = scores[tiles**2 :]
        alone, without = rest[: len(hidden.alone)], rest[len(hidden.alone) :]
        repeats = Repeats(repetition, hidden.copies, hidden.looked_at, alone, without, half)
    graph = score_graph(elite, scorer, note=count) if is_cppn(elite) else None
    note(elite.name, most - done)
    return Ablation(
        index=elite.index,
        name=elite.name,
        candidate_id=elite.candidate_id,
        recorded=elite.confidence,
        saved=saved,
        tiles=[scores[row * tiles : (row + 1) * tiles] for row in range(tiles)],
        repeats=repeats,
        graph=graph,
    )
