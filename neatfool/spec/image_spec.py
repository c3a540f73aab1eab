"""The images that a target takes, and its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from neatfool.errors import ExperimentError, nearest, quoted

Outputs: TypeAlias = Literal["logits", "probabilities", "multi_label"]
"""What a classifier gives. ``multi_label``: its classes do not exclude one another, and each has
its own sigmoid."""
SHOWN_NAMES: Final = 5
"""A message offers at most this many class names that contain the given text: one line's worth."""


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
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    array: Literal["numpy", "torch"] = "numpy"
    sums_to_one: bool = True
    open: bool = False
    nothing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.classes, str):
            raise ValueError(f"classes = {self.classes!r}: must be a tuple of names")  # noqa: TRY004
        object.__setattr__(self, "classes", tuple(str(name) for name in self.classes))
        object.__setattr__(self, "nothing", tuple(self.nothing))
        if self.height < 1 or self.width < 1:
            raise ValueError(f"an image of {self.height}x{self.width} pixels: both must be >= 1")
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
            raise ValueError(f"{len(self.classes)} classes: there must be at least {least}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width

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
        raise ExperimentError(f"there is no class {quoted(text)}{near}{hint}")


def is_text(name: str) -> bool:
    """Say whether a name can be written to a file; half a character, a lone surrogate, cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
