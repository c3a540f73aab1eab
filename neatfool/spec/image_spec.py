"""The images that a target takes, and its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from neatfool.errors import ExperimentError, nearest, quoted
from neatfool.wording import four_digits, percent

if TYPE_CHECKING:
    import numpy as np

Outputs: TypeAlias = Literal["logits", "probabilities", "multi_label"]
"""What a classifier gives. ``multi_label``: its classes do not exclude one another, and each has
its own sigmoid."""
SHOWN_NAMES: Final = 5
"""A message offers at most this many class names that contain the given text: one line's worth."""
MOST_PIXELS: Final = 2**26
"""An image has at most this many pixels: 8192 x 8192."""
MOST_CELLS: Final = 40_000
"""A grid has at most this many cells: every image has a score in each."""


@dataclass(frozen=True)
class GridAxis:
    """A measure of images, whose range is divided into cells of equal size.

    Attributes:
        name: What is measured.
        low: The lower end of the range. Smaller values count to the first cell.
        high: The upper end of the range. Larger values count to the last cell.
        cells: The number of cells, at least 1.
    """

    name: str
    low: float
    high: float
    cells: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            fault = "the range must be finite, and its lower end come first"
            raise ValueError(f"grid, {self.name}: {self.low} to {self.high}: {fault}")
        if self.cells < 1:
            raise ValueError(f"grid, {self.name}: {self.cells} cells: there must be at least 1")

    def ranges(self) -> list[str]:
        """Name the range of each cell: ``"brightness 0.25 to 0.5"``."""
        width = (self.high - self.low) / self.cells
        for digits in range(4, 18):  # so many that no two ends are written alike
            ends = [f"{self.low + width * each:.{digits}g}" for each in range(self.cells + 1)]
            if len({*ends}) == len(ends):
                break
        return [f"{self.name} {ends[number]} to {ends[number + 1]}" for number in range(self.cells)]


@dataclass(frozen=True)
class ImageSpec:
    """The images that a target takes, and its classes.

    Attributes:
        height: Pixels from top to bottom, at least 1.
        width: Pixels from left to right, at least 1.
        channels: 1 (grey) or 3 (RGB).
        classes: The class names, in the order of the scores' columns: at least two; or one if they
            do not sum to one, none if ``open``.
        array: What ``score`` takes, uint8 [N, C, H, W]: a numpy array or a torch tensor (on the
            CPU, unless the target has ``networks``).
        sums_to_one: Whether the probabilities of an image sum to one. False for a target that
            scores each class by itself (multi-label), or only the best few.
        open: Whether the target's :class:`Labels` may name further classes during a run.
        nothing: The names of the classes that mean that nothing is there, such as ``background``.
            ``[target] nothing`` replaces them. Without either, a run guesses them by their names.
        kind: ``"classifier"``; or ``"objective"`` for a target whose scores are any real numbers,
            of which larger ones are better. ``classes`` then names its niches, at least one.
        grid: The measures by which an objective divides images into niches, as in MAP-Elites, with
            a niche for each cell, which has its ranges for a name. ``classes`` is left out.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()
    array: Literal["numpy", "torch"] = "numpy"
    sums_to_one: bool = True
    open: bool = False
    nothing: tuple[str, ...] = ()
    kind: Literal["classifier", "objective"] = "classifier"
    grid: tuple[GridAxis, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.classes, str):
            raise ValueError(f"classes = {self.classes!r}: must be a tuple of names")  # noqa: TRY004
        if self.is_objective:
            object.__setattr__(self, "sums_to_one", False)
            object.__setattr__(self, "classes", self._niches())
        elif self.kind != "classifier" or self.grid:
            fault = "'objective', which alone may have a grid" if self.grid else "or 'objective'"
            raise ValueError(f"kind = {self.kind!r}: must be 'classifier' {fault}")
        object.__setattr__(self, "classes", tuple(str(name) for name in self.classes))
        object.__setattr__(self, "nothing", tuple(self.nothing))
        if self.height < 1 or self.width < 1:
            raise ValueError(f"an image of {self.height}x{self.width} pixels: both must be >= 1")
        if self.height * self.width > MOST_PIXELS:
            fault = f"an image of {self.height}x{self.width} pixels"
            raise ValueError(f"{fault}: there may be at most {MOST_PIXELS:,} pixels")
        if self.channels not in (1, 3):
            raise ValueError(f"channels = {self.channels}: must be 1 (grey) or 3 (RGB)")
        if self.array not in ("numpy", "torch"):
            raise ValueError(f"array = {self.array!r}: must be 'numpy' or 'torch'")
        for name in self.classes:
            if not is_text(name):
                fault = "holds half a character (a lone surrogate), which no file can"
                raise ValueError(f"class {name!r}: {fault}; name it otherwise")
        least = 2 if self.sums_to_one else 1
        if len(self.classes) < least and not self.open:
            what = "niches" if self.is_objective else "classes"
            raise ValueError(f"{len(self.classes)} {what}: there must be at least {least}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width

    @property
    def is_objective(self) -> bool:
        """Whether scores are any real numbers, and no probabilities."""
        return self.kind == "objective"

    @property
    def score_name(self) -> str:
        """What a score is called: ``"confidence"``, or ``"score"`` of an objective."""
        return "score" if self.is_objective else "confidence"

    @property
    def niche_name(self) -> str:
        """What a niche is called: ``"class"``, or ``"niche"`` of an objective."""
        return "niche" if self.is_objective else "class"

    def format_score(self, score: float, rank: float = 0.0) -> str:
        """Write a score for people: a confidence as :func:`~neatfool.wording.percent` does.

        The score of an objective has four significant digits: ``"-12.35"``.
        """
        return four_digits(score) if self.is_objective else percent(score, rank)

    def require_classifier(self, where: object, what: str) -> None:
        """Refuse an objective, for something that is about confidences.

        Args:
            where: Whose spec it is: a run's folder, say.
            what: What needs a classifier: ``"neatfool audit"``.

        Raises:
            ExperimentError: The target is an objective.
        """
        if self.is_objective:
            fault = "the target is an objective, whose scores are no confidences"
            raise ExperimentError(f"{where}: {fault}; {what} needs a classifier")

    def _niches(self) -> tuple[str, ...]:
        count = math.prod(axis.cells for axis in self.grid)
        if count > MOST_CELLS:
            raise ValueError(f"grid: {count:,} cells: there may be at most {MOST_CELLS:,}")
        if self.nothing or (self.open and self.grid):
            fault = "has no classes that mean nothing, and with a grid no open ones"
            raise ValueError(f"an objective {fault}")
        if not self.grid:
            return tuple(self.classes)
        names = tuple(map(", ".join, product(*(axis.ranges() for axis in self.grid))))
        if self.classes and tuple(self.classes) != names:
            raise ValueError("classes: a grid names its own niches; leave them out")
        return names

    def cells(self, measures: np.ndarray) -> np.ndarray:
        """Find the cell, which is the niche, of each image.

        Args:
            measures: Floats [N, D], a column for each axis of the grid; finite.

        Returns:
            int64 [N], the index of the cell. The last axis varies fastest.
        """
        import numpy as np

        places = [
            np.clip((column - axis.low) / (axis.high - axis.low) * axis.cells, 0, axis.cells - 1)
            for axis, column in zip(self.grid, measures.T, strict=True)
        ]
        shape = [axis.cells for axis in self.grid]
        found = np.ravel_multi_index([place.astype(np.int64) for place in places], shape)
        return np.asarray(found, np.int64)

    def searched(self, named: Sequence[str | int] = ()) -> list[int]:
        """Choose the classes that a search is for.

        Args:
            named: Those that the scheme's options name.

        Returns:
            The indices of the named ones, each once; without any, of all but ``nothing``.

        Raises:
            ExperimentError: There is no class of a name.
        """
        if named:
            return list(dict.fromkeys(map(self.class_index, named)))
        return [index for index, name in enumerate(self.classes) if name not in self.nothing]

    def stands_alone(self, columns: int) -> bool:
        """Say whether each class's logit stands by itself, in logits with so many columns.

        Its sigmoid is then the class's probability. If classes exclude one another, or a last
        column stands for none of them, logits compete, and their softmax is.
        """
        return not self.sums_to_one and columns == len(self.classes)

    def class_index(self, name: str | int) -> int:
        """Find the index of a class.

        Args:
            name: A class name, or an index in [0, K), perhaps as text. Names come first: "7" is
                the class named "7", if there is one.

        Raises:
            ExperimentError: There is no such class; the message offers the nearest names.
        """
        text = str(name)
        if text in self.classes:
            return self.classes.index(text)
        if text.isdecimal() and int(text) < len(self.classes):
            return int(text)
        hint = "; if it may turn up, name it among the target's classes" if self.open else ""
        near = nearest(text, self.classes)
        within = [name for name in self.classes if text.casefold() in name.casefold()]
        if text and 0 < len(within) <= SHOWN_NAMES:
            near = f"; did you mean {' or '.join(map(repr, within))}?"
        raise ExperimentError(f"there is no {self.niche_name} {quoted(text)}{near}{hint}")


def is_text(name: str) -> bool:
    """Say whether a name can be written to a file; half a character, a lone surrogate, cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
