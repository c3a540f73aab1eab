"""A finding: numbers for programs, and a story for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from neatfool.present.blocks import (
    Bars,
    Block,
    Chart,
    Facts,
    Headline,
    Panel,
    Table,
)
from neatfool.present.page_blocks import arrange_blocks
from neatfool.present.saving import TEMPLATES, fill_template, save

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
