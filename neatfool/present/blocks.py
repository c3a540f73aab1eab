"""Numbers, and a story: the blocks that a finding is told in.

The terminal, a page and a notebook show the same blocks; what a terminal cannot show (charts,
pictures) is left out there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Where: TypeAlias = Literal["everywhere", "terminal", "page"]
"""Where a block is shown."""


class Facts(BaseModel):
    """Numbers and names of a finding, checked and frozen."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )


class StrongText(str):
    """A text that stands out on a page, as a figure whose class has the first place."""

    __slots__ = ()


class Cell(NamedTuple):
    """A picture: a PNG, what it is, a figure below it, and, on a card, more words."""

    png: bytes
    label: str
    figure: str = ""
    more: str = ""


@dataclass(frozen=True)
class Headline:
    """A sentence that says what came out; a page shows a picture beside the first."""

    text: str
    where: Where = "everywhere"
    picture: Cell | None = None


@dataclass(frozen=True)
class Text:
    """What was looked at, or how to read what follows."""

    text: str
    where: Where = "everywhere"


@dataclass(frozen=True)
class Note:
    """What limits the figures, or is to be borne in mind."""

    text: str


@dataclass(frozen=True)
class Section:
    """Begins a part of the page."""

    title: str
    text: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        heads: The heads of its columns.
        rows: Their cells: texts, or PNGs, which only a page shows.
        title: Stands above it.
        text: How to read it.
        words: The places of the columns that hold words; all others hold numbers.
        most: Of more rows, a terminal shows only the first and the last.
        where: Where it is shown.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | bytes]]
    title: str = ""
    text: str = ""
    words: Sequence[int] = (0,)
    most: int | None = None
    where: Where = "everywhere"


@dataclass(frozen=True)
class Bars:
    """A table whose second column is a share, with a bar on a page.

    Attributes:
        heads: Three heads: of names, of shares, and of the figures beside them.
        rows: The names, the shares from 0 to 1, and the figures.
        title: Stands above it.
        text: How to read it.
    """

    heads: tuple[str, str, str]
    rows: Sequence[tuple[str, float, str]]
    title: str = ""
    text: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart, which is drawn only when it is shown.

    Attributes:
        about: What it shows, for those who do not see it.
        draw: Draws it: a figure of :func:`neatfool.present.new_axes`.
        title: Stands above it.
        text: How to read it.
        wide: Whether it takes the page's width, even if it must be scrolled.
    """

    about: str
    draw: Callable[[], Figure]
    title: str = ""
    text: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Code:
    """Code to copy.

    Attributes:
        code: Its lines.
        title: Its language.
    """

    code: str
    title: str = ""
    text: str = ""


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Attributes:
        cells: The pictures. A figure that is :class:`StrongText` stands out.
        title: Whose they are.
        text: How to read them.
        size: CSS pixels of a picture's side.
        cards: Whether each is a card of a gallery, in as many rows as they need.
    """

    cells: Sequence[Cell]
    title: str = ""
    text: str = ""
    size: int = 88
    cards: bool = False


Shown: TypeAlias = Text | Table | Bars | Chart | Strip | Code


@dataclass(frozen=True)
class Panel:
    """Blocks that belong together, in a box of a page."""

    blocks: Sequence[Shown]
    title: str = ""
    text: str = ""
    wide: bool = False


Block: TypeAlias = Headline | Note | Section | Panel | Shown
"""A part of a story."""


def is_shown(block: Block, place: Where) -> bool:
    """Say whether a block is shown on the terminal, or on a page."""
    return not isinstance(block, Headline | Text | Table) or block.where in {"everywhere", place}
