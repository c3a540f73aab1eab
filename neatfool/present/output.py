"""A command's output: stories and tables in any window, a console that survives a closed pipe."""

from __future__ import annotations

import os
import re
import textwrap
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from neatfool.errors import printable
from neatfool.present import blocks
from neatfool.wording import share

if TYPE_CHECKING:
    from rich.table import Column

SECONDS_BETWEEN_LINES: Final = 5.0
"""How often progress is told where there is no terminal: not so often that it fills a log."""
NARROWEST_WORDS: Final = 10
"""A column of words is not made narrower than this many characters to show another column."""
USUAL_HEAD: Final = 12
"""A head of at most so many characters has one line, where there is room."""
_BEFORE_BRACKETS: Final = re.compile(r" (?=[(\[])")


class Output(Console):
    """A console for people, safe for names from files. A closed pipe only makes it silent."""

    def __init__(self, *, stderr: bool = False, quiet: bool = False) -> None:
        """Write to standard output, to standard error, or nowhere."""
        super().__init__(highlight=False, stderr=stderr, quiet=quiet)

    def render_str(self, text: str, **settings: Any) -> Text:
        """Make control characters visible, then render text as rich does."""
        return super().render_str(printable(text), **settings)

    def say(self, text: str, style: str | None = None) -> None:
        """Print a sentence: broken between words on a terminal, elsewhere in one line."""
        self.print(text, style=style, markup=False, soft_wrap=not self.is_terminal)

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str | bytes]],
        *,
        words: Collection[int] = (0,),
        most: int | None = None,
    ) -> None:
        """Print a table in which no number is cut or broken, however narrow the window.

        Where it is narrow, words are broken, and what stands in brackets behind a number goes
        below it. Then columns are left out from the right, so give the most important ones first;
        a line below names what is missing.

        Args:
            heads: The heads of the columns.
            rows: Their cells, each of one or several lines. A column of pictures is not shown.
            words: The places of the columns that hold words; all others hold numbers.
            most: Of more rows, only the first and the last are shown.
        """
        from rich.table import Table

        shown = [*rows]
        if most is not None and len(shown) > most:
            shown[most - most // 3 : len(shown) - most // 3] = [["…", *[""] * (len(heads) - 1)]]
        by_column = [
            (place in words, [*map(str, cells)])
            for place, cells in enumerate(zip(heads, *shown, strict=True))
            if not any(isinstance(cell, bytes) for cell in cells)
        ]
        for narrow in (False, True):
            columns = [_make_column(*column, narrow=narrow) for column in by_column]
            widths = accumulate((column.min_width or 0) + 3 for column, _ in columns)
            fitting = sum(1 + width <= self.width for width in widths)
            if fitting == len(columns):
                break
        del columns[max(fitting, 1) :]
        table = Table(*(column for column, _ in columns))
        for cells in zip(*(texts for _, texts in columns), strict=True):
            table.add_row(*map(escape, cells))
        self.print(table)
        if missing := [head for _, (head, *_) in by_column[len(columns) :]]:
            self.say(f"Left out, as the window is narrow: {', '.join(missing)}")

    @contextmanager
    def progress(self, total: int, unit: str = "images") -> Iterator[Callable[[str, int], None]]:
        """Show how far a command is: a bar on a terminal, elsewhere a plain line now and then.

        Args:
            total: How many things will be done.
            unit: What they are.

        Yields:
            A function to call with what is under way, and how many more are done.
        """
        from rich import progress

        from neatfool.pace import Pace

        if self.is_terminal:
            columns = (
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[left]}"),
            )
            with progress.Progress(*columns, console=self, transient=True) as bar:
                task, pace = bar.add_task("loading", total=total, left=""), Pace(time.monotonic())

                def advance(what: str, more: int) -> None:
                    bar.update(task, description=what, advance=more)
                    so_far = bar.tasks[0].completed
                    pace.note(time.monotonic(), so_far)
                    bar.update(task, left=pace.left(total - so_far))

                yield advance
            return
        done, shown = 0, time.monotonic() - SECONDS_BETWEEN_LINES / 2

        def note(what: str, more: int) -> None:
            nonlocal done, shown
            done += more
            if done < total and time.monotonic() - shown > SECONDS_BETWEEN_LINES:
                shown = time.monotonic()
                text = f"{what}: {done:,} of {total:,} {unit}"
                self.print(text, soft_wrap=True, markup=False)

        yield note

    def on_broken_pipe(self) -> None:
        """Stop writing, but let the program run: ``neatfool run ... | head`` finishes its run."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())


def show(story: Iterable[blocks.Block], output: Output) -> None:
    """Print blocks: their sentences and tables in their order, then their notes."""
    for block in sorted(story, key=lambda block: isinstance(block, blocks.Note)):
        if not blocks.is_shown(block, "terminal"):
            continue
        match block:
            case blocks.Headline():
                output.say(block.text, "bold")
            case blocks.Note():
                output.say(f"Note: {block.text}")
            case blocks.Text():
                output.say(block.text)
            case blocks.Code():
                output.say(block.title, "bold")
                output.print(block.code, markup=False, soft_wrap=True)
            case blocks.Panel():
                tables = [e for e in block.blocks if isinstance(e, blocks.Table | blocks.Bars)]
                if block.title and tables:
                    output.say(block.title, "bold")
                show(tables, output)
            case blocks.Bars():
                rows = [[name, share(part), figure] for name, part, figure in block.rows]
                show([blocks.Table(block.heads, rows, block.title)], output)
            case blocks.Table():
                if block.title:
                    output.say(block.title, "bold")
                output.table(block.heads, block.rows, words=block.words, most=block.most)


def _make_column(
    words: bool, cells: Sequence[str], *, narrow: bool
) -> tuple[Column, Sequence[str]]:
    """Make a column, from its head and its cells; a narrow one of numbers has more lines."""
    from rich.table import Column

    head, *texts = cells
    if words:
        least = min(max(map(_width, cells)), NARROWEST_WORDS)
        return Column(escape(head), overflow="fold", min_width=least), texts
    if narrow:
        texts = [_BEFORE_BRACKETS.sub("\n", text) for text in texts]
    width = max(map(_width, texts), default=1)
    most = max(width, 1 if narrow else USUAL_HEAD)
    head = textwrap.fill(head, most, break_long_words=False, break_on_hyphens=False)
    least = max(width, _width(head))
    return Column(escape(head), justify="right", no_wrap=True, min_width=least), texts


def _width(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)
