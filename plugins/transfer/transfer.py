"""Asking networks about the images of runs, and about photographs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import lcm
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import torch

from neatfool import ExperimentError, fit_images, fit_photograph
from neatfool.analysis import match_classes

from .answers import Answers, Seen, gather, see

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import EliteView, ImageSpec, Run, Scores

    from .networks import Network
    from .photographs import Photograph

Thing = TypeVar("Thing")
AT_A_TIME: Final = 64
"""Images that are drawn and scored together, at least: enough for concurrent calls."""
MOST_AT_A_TIME: Final = 512
"""And at most, so that they fit into memory."""
SAVED, DRAWN, RESIZED = "as saved", "drawn anew", "resized"
"""How a network of some size is shown an image."""


@dataclass(frozen=True)
class Row:
    """How all networks see the images of a run.

    Attributes:
        run: The run.
        elites: Its elites that were looked at, at least one.
        own: The place of its own network among the networks; None if that is not among them.
        how: For each network how it was shown the images.
        seen: For each network what it says of them.
    """

    run: Run
    elites: Sequence[EliteView]
    own: int | None
    how: list[str]
    seen: list[Seen]

    @property
    def others(self) -> list[int]:
        """The places of the networks that are not its own, and know any of its classes."""
        return [
            place for place, seen in enumerate(self.seen) if place != self.own and seen.count > 0
        ]

    @property
    def fooled(self) -> np.ndarray:
        """How many other networks have the class of each image in the first place: int [N]."""
        return self._count([self.seen[place].among(1) for place in self.others])

    @property
    def fooling_any(self) -> float:
        """The share that fools another network, of the images whose class any of them has."""
        return _share(self.fooled > 0, self._asked > 0)

    @property
    def fooling_all(self) -> float:
        """The share that fools all other networks, of the images whose class all of them have."""
        return _share(self.fooled == len(self.others), self._asked == len(self.others))

    @property
    def _asked(self) -> np.ndarray:
        return self._count([self.seen[place].known for place in self.others])

    def _count(self, flags: Sequence[np.ndarray]) -> np.ndarray:
        total: np.ndarray = np.array([np.zeros(len(self.elites), bool), *flags]).sum(axis=0)
        return total

    def unknown(self, place: int) -> list[str]:
        """Give the classes that a network does not have."""
        known = self.seen[place].known
        return [elite.name for elite, ok in zip(self.elites, known, strict=True) if not ok]


@dataclass(frozen=True)
class Agreement:
    """How far networks agree on photographs.

    Attributes:
        names: The photographs.
        source: Where they come from, in words.
        seen: ``seen[a][b]``: what network b says of each photograph in the class that network a
            has in the first place.
    """

    names: list[str]
    source: str
    seen: list[list[Seen]]


@dataclass(frozen=True)
class Transfer:
    """Which images fool which networks.

    Attributes:
        networks: The networks.
        rows: The runs.
        photographs: How far the networks agree on photographs, if there are any.
        notes: What loading them told.
    """

    networks: list[Network]
    rows: list[Row]
    photographs: Agreement | None
    notes: list[str] = field(default_factory=list)


def measure(
    chosen: Sequence[tuple[Run, Sequence[EliteView]]],
    networks: Sequence[Network],
    photographs: Sequence[Photograph],
    *,
    source: str = "",
    redraw: bool = True,
    notes: Sequence[str] = (),
    note: Callable[[str, int], None] = lambda what, images: None,
) -> Transfer:
    """Ask all networks about all images.

    Args:
        chosen: The runs, each with its elites.
        networks: The networks.
        photographs: The photographs.
        source: Where they come from.
        redraw: Whether images are drawn anew at another network's size, or else resized.
        notes: Kept in the result.
        note: Told what is under way, and how many answers have come since it was last told.

    Raises:
        ExperimentError: A network knows no class of any run.
        TargetError: A network failed.
        BudgetSpent: The budget does not suffice.
    """
    _check_classes([run for run, _ in chosen], networks)
    rows = []
    for run, elites in chosen:
        how = [_way(run.spec, network.spec, redraw=redraw) for network in networks]
        show_elite = partial(_show_elite, networks=networks, redraw=redraw)
        answers = _ask(networks, elites, show_elite, run.name, note)
        seen = [
            _see_elites(run, elites, network, told)
            for network, told in zip(networks, answers, strict=True)
        ]
        own = (place for place, network in enumerate(networks) if run in network.runs)
        rows.append(Row(run, elites, next(own, None), how, seen))
    agreement = None
    if photographs:
        show_photograph = partial(_show_photograph, networks=networks)
        answers = _ask(networks, photographs, show_photograph, "familiar images", note)
        names = [photograph.name for photograph in photographs]
        agreement = Agreement(names, source, _compare(networks, answers))
    return Transfer([*networks], rows, agreement, [*notes])


def _show_elite(
    elite: EliteView, *, networks: Sequence[Network], redraw: bool
) -> list[torch.Tensor]:
    """Give an elite's image for each network, uint8 [1, C, H, W]; equal sizes share one."""
    specs = {network.spec.shape: network.spec for network in networks}
    images = {shape: _draw(elite, spec, redraw=redraw) for shape, spec in specs.items()}
    return [images[network.spec.shape] for network in networks]


def _draw(elite: EliteView, spec: ImageSpec, *, redraw: bool) -> torch.Tensor:
    """Give an elite's image as a network takes it: as it was saved, drawn anew, or resized."""
    size = spec.height, spec.width
    drawn = redraw and size != (elite.run.spec.height, elite.run.spec.width)
    pixels = elite.pixels(size) if drawn else elite.saved_pixels()
    return fit_images(torch.from_numpy(pixels.copy())[None], spec)


def _show_photograph(photograph: Photograph, *, networks: Sequence[Network]) -> list[torch.Tensor]:
    """Give a photograph for each network, as that was trained to see it, uint8 [1, C, H, W]."""
    image = photograph.open()
    return [fit_photograph(image, network.scorer.target) for network in networks]


def _share(flags: np.ndarray, counting: np.ndarray) -> float:
    return float(flags[counting].mean()) if counting.any() else float("nan")


def _way(ours: ImageSpec, theirs: ImageSpec, *, redraw: bool) -> str:
    if (ours.height, ours.width) == (theirs.height, theirs.width):
        return SAVED
    return DRAWN if redraw else RESIZED


def _check_classes(runs: Sequence[Run], networks: Sequence[Network]) -> None:
    for network in networks:
        theirs = network.spec.classes
        if not (network.spec.open or any(match_classes(run.classes, theirs) for run in runs)):
            raise ExperimentError(
                f"{network.experiment or network.label}: has none of the classes, such as "
                f"{runs[0].classes[0]!r}; its own are called {theirs[0]!r} and so on. Give a "
                "network with the same class names (see class_names of its target)"
            )


def _ask(
    networks: Sequence[Network],
    things: Sequence[Thing],
    show_one: Callable[[Thing], list[torch.Tensor]],
    what: str,
    note: Callable[[str, int], None],
) -> list[Answers]:
    """Show all networks some images; ``show_one`` gives each network's of a thing."""
    scores: list[list[Scores]] = [[] for _ in networks]
    step = _part_size([network.scorer.batch_size for network in networks])
    for start in range(0, len(things), step):
        note(f"drawing {what}", 0)
        shown = [show_one(thing) for thing in things[start : start + step]]
        for network, images, found in zip(networks, zip(*shown, strict=True), scores, strict=True):
            found.append(network.scorer.score(torch.cat(images)))
            note(f"{what} by {network.label}", len(images))
    return [
        gather(found, len(network.spec.classes))
        for network, found in zip(networks, scores, strict=True)
    ]


def _part_size(batches: Sequence[int]) -> int:
    """Choose how many images are drawn at a time: whole batches for all networks, if it can be."""
    whole = lcm(*batches)
    if whole > MOST_AT_A_TIME:
        return max(AT_A_TIME, *batches)
    return -(-AT_A_TIME // whole) * whole


def _see_elites(run: Run, elites: Sequence[EliteView], network: Network, answers: Answers) -> Seen:
    found = match_classes(run.classes, network.spec.classes)
    columns = [found.get(elite.index) for elite in elites]
    return see(answers, columns, also_known=np.full(len(elites), network.spec.open))


def _compare(networks: Sequence[Network], answers: Sequence[Answers]) -> list[list[Seen]]:
    """Look up the class that each network has in the first place in all networks' answers."""
    table = []
    for network, told in zip(networks, answers, strict=True):
        first, row = told.first(), []
        for other, theirs in zip(networks, answers, strict=True):
            found = match_classes(network.spec.classes, other.spec.classes)
            columns = [None if place is None else found.get(place) for place in first]
            scored = np.array([place is not None for place in first], bool)
            row.append(see(theirs, columns, also_known=scored & other.spec.open))
        table.append(row)
    return table
