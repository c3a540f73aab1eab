"""The table of ``neatfool survive``, where it is narrow."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

from rich.console import Console

from neatfool_plugins.survive.command import _table


def test_figures_stay_beside_their_words_where_a_unit_takes_two_lines() -> None:
    change = SimpleNamespace(name="size", unit="% of the size", strengths=[90], number=str)
    points = [SimpleNamespace(median=0.75, kept=0.5)]
    console = Console(width=32, file=io.StringIO())
    console.print(_table(SimpleNamespace(curves=[(change, points)])))
    table = console.file.getvalue()
    assert "% of the size" not in table  # it is in two lines
    assert re.search(r"median +│ +75\.0 %", table)
    assert re.search(r"keep class +│ +50 %", table)
