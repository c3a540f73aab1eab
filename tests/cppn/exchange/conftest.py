"""A browser to draw shaders in, and sample graphs."""

import pytest
from report_runs import grow_graph


@pytest.fixture
def make_graph():
    """Give the maker of sample graphs: of so many hidden nodes, by seed."""
    return grow_graph
