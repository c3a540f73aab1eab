"""Say who descends from whom in RUN, and what that tells of the network."""

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
    from neatfool.present import Headline

    from .diversity import MOST_COMPARED, Diversity, measure_diversity
    from .goal_switches import report_switches

    if 0 < len(run.elites) <= MOST_COMPARED:
        yield Headline(Diversity(**measure_diversity(run, phylogeny)).headline())
    yield from report_switches(run, phylogeny)
