"""A finding: what a measure found out, as numbers for programs and as a story for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from neatfool.errors import ExperimentError
from neatfool.present.page import write_story
from neatfool.present.saving import save
from neatfool.present.story import Block, Chart, Panel

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
        """Give :meth:`records` as a data frame.

        Raises:
            ExperimentError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ExperimentError("Finding.table: needs pandas; pip install pandas") from None
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

    def html(self, path: str | Path | None = None) -> str:
        """Give the story as a page, one that needs no other file and no network.

        Args:
            path: Where to write it, too.

        Raises:
            StorageError: The file cannot be written.
        """
        page = write_story(self.about, self.title, [*self.story()])
        if path is not None:
            save(path, page.encode())
        return page

    def _repr_html_(self) -> str:
        from html import escape

        return f'<iframe srcdoc="{escape(self.html())}" width="100%" height="700"></iframe>'
