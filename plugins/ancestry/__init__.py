"""Trace who descends from whom, and how diverse images are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neatfool import Register, hookimpl

if TYPE_CHECKING:
    import networkx as nx

    from neatfool import Run
    from neatfool.present import Block


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``ancestry``."""
    register("ancestry", f"{__name__}.measure:ancestry")


@hookimpl
def neatfool_report_blocks(run: Run, phylogeny: nx.DiGraph) -> Iterator[Block]:
    """Show how diverse the elites are, and who took whose niche."""
    from neatfool.present import Headline, Section

    from .diversity import MOST_COMPARED, Diversity, measure_diversity
    from .goal_switches import goal_switches

    if 0 < len(run.elites) <= MOST_COMPARED:
        yield Headline(Diversity(**measure_diversity(run, phylogeny)).headline())
    if (found := goal_switches(run, phylogeny)).total:
        yield Section(
            "Who took whose niche",
            "A goal switch: an elite's child took the niche of a class that its parents did not "
            f"hold. There were {found.total:,.0f}; neatfool ancestry --csv FILE lists them for "
            "each two classes.",
        )
        yield from found.blocks()
