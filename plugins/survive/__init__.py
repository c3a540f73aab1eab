"""Measure what images survive: shifts, blur, JPEG and more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neatfool import Register, hookimpl

if TYPE_CHECKING:
    from neatfool import Run
    from neatfool.present import Block


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``survive``."""
    register("survive", f"{__name__}.measure:survive")


@hookimpl
def neatfool_report_blocks(run: Run) -> Iterator[Block]:
    """Show what is kept of the run's survival."""
    from neatfool.measure import read_survival
    from neatfool.present import Bars, Section

    if kept := read_survival(run):
        yield Section(kept.title, kept.text)
        yield Bars(("the images are …", "keep class", "median"), kept.bars)
