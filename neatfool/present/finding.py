"""A finding: what a measure found out, as numbers for programs and as a story for people.

A story is a sequence of blocks. The terminal, a page and a notebook show the same blocks; what a
terminal cannot show (charts, pictures) is left out there.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

Where: TypeAlias = Literal["everywhere", "terminal", "page"]
"""Where a block is shown."""


class Strong(str):
    """A text that stands out on a page, as a figure whose class has the first place."""

    __slots__ = ()


@dataclass(frozen=True)
class Headline:
    """A sentence that says what came out."""

    text: str


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
        pictures: CSS pixels of the longer side of its pictures.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | bytes]]
    title: str = ""
    text: str = ""
    words: Sequence[int] = (0,)
    most: int | None = None
    where: Where = "everywhere"
    pictures: int = 64


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
        draw: Draws it: a figure of :func:`neatfool.present.new_axes`, or an SVG.
        title: Stands above it.
        text: How to read it.
        wide: Whether it takes the page's width, even if it must be scrolled.
    """

    about: str
    draw: Callable[[], Figure | bytes]
    title: str = ""
    text: str = ""
    wide: bool = False


class Cell(NamedTuple):
    """A picture of a strip: a PNG, what it is, and a figure below it."""

    png: bytes
    label: str
    figure: str = ""


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Attributes:
        cells: The pictures. A figure that is :class:`Strong` stands out.
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


Shown: TypeAlias = Text | Table | Bars | Chart | Strip


@dataclass(frozen=True)
class Panel:
    """Blocks that belong together, in a box of a page."""

    blocks: Sequence[Shown]
    title: str = ""
    text: str = ""
    wide: bool = False


Block: TypeAlias = Headline | Note | Section | Panel | Shown


def is_shown(block: Block, place: Where) -> bool:
    """Say whether a block is shown on the terminal, or on a page."""
    return not isinstance(block, Text | Table) or block.where in {"everywhere", place}


class Records(NamedTuple):
    """What was measured, one record a row: for a spreadsheet or a data frame."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


class Facts(BaseModel):
    """Numbers and names of a finding, checked and frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Finding(Facts):
    """What a measure found out.

    Its fields are the numbers, each with a description; :meth:`story` says what they mean. In a
    notebook it shows itself as the page that :meth:`html` gives.

    Attributes:
        about: What such findings are about, in a few words: ``"what survives"``.
    """

    about: ClassVar[str]

    @property
    def title(self) -> str:
        """What was looked at, in a few words: a run's name."""
        raise NotImplementedError

    def story(self) -> Iterator[Block]:
        """Tell what came out, from the most important to the details."""
        raise NotImplementedError

    def records(self) -> Records:
        """Give what was measured, one record a row."""
        raise NotImplementedError

    def json(self) -> str:  # type: ignore[override]
        """Write the numbers as JSON; :meth:`model_json_schema` describes it."""
        return json.dumps(self.model_dump(mode="json"), indent=1)

    def csv(self) -> str:
        """Write :meth:`records` as comma-separated values."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([self.records().heads, *self.records().rows])
        return text.getvalue()

    def table(self) -> pd.DataFrame:
        """Give :meth:`records` as a data frame; this needs the package pandas."""
        import pandas as pd

        heads, rows = self.records()
        return pd.DataFrame([*rows], columns=[*heads])

    def plot(self) -> Figure:
        """Draw the first chart.

        Raises:
            ValueError: There is none.
        """
        for block in self.story():
            for each in block.blocks if isinstance(block, Panel) else [block]:
                if isinstance(each, Chart) and not isinstance(figure := each.draw(), bytes):
                    return figure
        raise ValueError(f"{type(self).__name__} has no chart")

    def html(self, path: Path | None = None) -> str:
        """Give the story as a page, one that needs no other file and no network.

        Args:
            path: Where to write it, too.

        Raises:
            StorageError: The file cannot be written.
        """
        from neatfool.present.page import write_finding
        from neatfool.present.saving import save

        page = write_finding(self)
        if path is not None:
            save(path, page.encode())
        return page

    def _repr_html_(self) -> str:
        from html import escape

        return f'<iframe srcdoc="{escape(self.html())}" width="100%" height="700"></iframe>'
