"""A finding on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.present.story import Bars, Headline, Note, Panel, Table, Text, is_shown
from neatfool.wording import share

if TYPE_CHECKING:
    from neatfool.present.finding import Finding
    from neatfool.present.output import Output
    from neatfool.present.story import Block


def show(finding: Finding, output: Output) -> None:
    """Print a finding's story: its sentences, notes and tables, in their order."""
    for block in finding.story():
        _show(block, output)


def _show(block: Block, output: Output) -> None:
    if isinstance(block, Headline):
        output.say(block.text, "bold")
    elif isinstance(block, Note):
        output.say(f"Note: {block.text}")
    elif not is_shown(block, "terminal"):
        return
    elif isinstance(block, Text):
        output.say(block.text)
    elif isinstance(block, Panel):
        tables = [each for each in block.blocks if isinstance(each, Table | Bars)]
        shown = [each for each in tables if is_shown(each, "terminal")]
        if block.title and shown:
            output.say(block.title, "bold")
        for each in shown:
            _show(each, output)
    elif isinstance(block, Bars):
        rows = [[name, share(part), figure] for name, part, figure in block.rows]
        _table(Table(block.heads, rows, block.title), output)
    elif isinstance(block, Table):
        _table(block, output)


def _table(table: Table, output: Output) -> None:
    if table.title:
        output.say(table.title, "bold")
    pictures = {
        place for row in table.rows for place, cell in enumerate(row) if isinstance(cell, bytes)
    }
    kept = [place for place in range(len(table.heads)) if place not in pictures]
    rows = [[str(row[place]) for place in kept] for row in table.rows]
    words = [kept.index(place) for place in table.words if place in kept]
    output.table([table.heads[place] for place in kept], rows, words=words, most=table.most)
