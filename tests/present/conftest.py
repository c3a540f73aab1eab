"""What the tests of drawings share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import grow_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    import networkx as nx


@pytest.fixture
def make_graph() -> Callable[..., nx.DiGraph]:
    """Give the maker of sample graphs: of so many hidden nodes, by seed."""
    return grow_graph
