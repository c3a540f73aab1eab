"""What the tests of the report share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import FakeRun

from neatfool_plugins.report import elites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import networkx as nx


@pytest.fixture(scope="package", autouse=True)
def graphs_drawn_once() -> Iterator[None]:
    """Draw each graph once for all pages: the same graph gives the same bytes."""
    drawn: dict[str, bytes] = {}
    draw_graph = elites.draw_graph

    def draw(graph: nx.DiGraph, **options: str) -> bytes:
        key = repr((graph.nodes(data=True), graph.edges(data=True), options))
        if key not in drawn:
            drawn[key] = draw_graph(graph, **options)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elites, "draw_graph", draw)
        yield


@pytest.fixture(scope="session")
def make_run_in() -> Callable[..., FakeRun]:
    """Make up a run in a folder."""
    return FakeRun


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., FakeRun]:
    """Make up a run whose folder is a temporary one."""
    return lambda **options: FakeRun(tmp_path, **options)
