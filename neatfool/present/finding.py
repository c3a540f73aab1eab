"""A finding: numbers for programs, a story for people, and its page, with all pictures in it."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple
from urllib.parse import quote

from PIL import Image
from pydantic import BaseModel, ConfigDict

from neatfool.figure import draw_figure, for_page
from neatfool.present.blocks import (
    Bars,
    Block,
    Chart,
    Code,
    Headline,
    Note,
    Panel,
    Section,
    Table,
    Text,
    is_shown,
)
from neatfool.present.saving import TEMPLATES, fill_template, save
from neatfool.run.images import open_png

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula, and might run it."""


class Records(NamedTuple):
    """What was measured, one record a row: for a spreadsheet or a data frame."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]

    def csv(self) -> str:
        """Write them as comma-separated values.

        A text that a spreadsheet would take for a formula begins with an apostrophe.
        """
        text = io.StringIO()
        rows = [
            [f"'{v}" if isinstance(v, str) and v.startswith(FORMULAS) else v for v in row]
            for row in self.rows
        ]
        csv.writer(text, lineterminator="\n").writerows([self.heads, *rows])
        return text.getvalue()


class Facts(BaseModel):
    """Numbers and names of a finding, checked and frozen."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )


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

    @property
    def exit_code(self) -> int:
        """What a command ends with that found it: 0, or the code of a condition that failed."""
        return 0

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
        return self.records().csv()

    def table(self) -> pd.DataFrame:
        """Give :meth:`records` as a data frame; this needs pandas."""
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
                if isinstance(each, Chart):
                    return each.draw()
        raise ValueError(f"{type(self).__name__} has no chart")

    def html(self, path: str | Path | None = None) -> str:
        """Give the story as a page, one that needs no other file and no network.

        Args:
            path: Where to write it, too.

        Raises:
            StorageError: The file cannot be written.
        """
        content = {"about": self.about, "title": self.title} | arrange_blocks(self.story())
        page = fill_template(TEMPLATES / "finding.html.j2", content)
        if path is not None:
            save(path, page.encode())
        return page

    def __str__(self) -> str:
        """Give the headlines and the first table, as a terminal shows them."""
        from neatfool.present.output import Output, show  # rich, which no page needs

        story = [*self.story()]
        tables = (block for block in story if isinstance(block, Table | Bars))
        headlines = [block for block in story if isinstance(block, Headline)]
        output = Output()
        with output.capture() as shown:
            show([*headlines, *islice(tables, 1)], output)
        return shown.get().rstrip()

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html())}" width="100%" height="700"></iframe>'


SHARPNESS: Final = 2
"""Pixels of a picture for each CSS pixel, at most."""
QUALITY: Final = 80
"""WebP's: an image of ImageNet's size, reduced to 96 pixels, takes 1.4 kB; with 50, 0.9 kB."""
LARGEST_EXACT: Final = 50_000
"""A PNG of more bytes is compressed again, so that a page of many stays small."""


def arrange_blocks(story: Iterable[Block]) -> dict[str, Any]:
    """Arrange blocks for a page, whose template shows them by ``neatfool/blocks.html.j2``.

    Returns:
        What :func:`fill_template` needs: ``headlines``, ``hero`` (the picture beside them),
        ``notes``, ``sections``, and what the template calls.
    """
    notes: list[str] = []
    headlines: list[Headline] = []
    sections: list[tuple[Section, list[Panel]]] = [(Section(""), [])]
    for block in story:
        if not is_shown(block, "page"):
            continue
        match block:
            case Headline():
                headlines.append(block)
            case Note():
                notes.append(block.text)
            case Section():
                sections.append((block, []))
            case Panel():
                shown = [each for each in block.blocks if is_shown(each, "page")]
                sections[-1][1].append(replace(block, blocks=shown))
            case _:
                wide = isinstance(block, Table | Text | Code) or (
                    isinstance(block, Chart) and block.wide
                )
                sections[-1][1].append(Panel([block], wide=wide))

    return {
        "headlines": [each.text for each in headlines],
        "hero": next((each.picture for each in headlines if each.picture), None),
        "notes": [*dict.fromkeys(notes)],
        "sections": [(section, panels) for section, panels in sections if panels],
        "kind": lambda block: type(block).__name__,
        "chart": lambda block: embed_svg(draw_figure(block.draw())),
        "picture": lambda png, size: embed_png(png, SHARPNESS * size),
        "plain": str,
    }


class PageImage(NamedTuple):
    """A data URI for an ``img``, and the picture's own size in pixels."""

    src: str
    width: int
    height: int


def embed_png(png: bytes, longest: int, quality: int = QUALITY) -> PageImage:
    """Show a small PNG as it is, and a larger one reduced.

    Args:
        png: The file.
        longest: How many pixels the longer side may have.
        quality: As for :func:`embed_image`.

    Raises:
        ValueError: The PNG is not complete.
    """
    with open_png(png) as image:
        if max(image.size) <= longest and len(png) <= LARGEST_EXACT:
            return _picture("png", png, image)
        return embed_image(image, longest, quality)


def embed_image(image: Image.Image, longest: int, quality: int = QUALITY) -> PageImage:
    """Reduce an image's sides to at most ``longest`` pixels, as PNG, or WebP if that is a third.

    ``quality`` is WebP's, from 0 to 100.

    Evolved images are often noise, which PNG cannot compress.
    """
    image = image.copy()
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    image.save(png := io.BytesIO(), "png")
    image.save(webp := io.BytesIO(), "webp", quality=quality)
    if 3 * webp.tell() < png.tell():
        return _picture("webp", webp.getvalue(), image)
    return _picture("png", png.getvalue(), image)


def _picture(kind: str, data: bytes, image: Image.Image) -> PageImage:
    return PageImage(f"data:image/{kind};base64,{b64encode(data).decode()}", *image.size)


def embed_svg(svg: bytes) -> str:
    """Turn an SVG of :func:`draw_figure` or ``neatfool.cppn.draw_graph`` into a data URI.

    Its colours follow the reader's light or dark scheme.
    """
    text = " ".join(for_page(svg).split())
    return "data:image/svg+xml," + quote(text, safe=" /:;=,()*+@!?-.{}")
