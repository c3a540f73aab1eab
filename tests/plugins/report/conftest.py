"""What the tests of the report share."""

from functools import wraps

import pytest
from report_runs import FakeRun

from neatfool_plugins.report import page


@pytest.fixture(scope="package", autouse=True)
def all_drawn_once():
    """Draw each graph and curve once for all pages: the same numbers give the same bytes."""
    drawn: dict[str, bytes] = {}

    def once(draw):
        @wraps(draw)
        def draw_once(first, *more, **options):
            graph = hasattr(first, "nodes")
            shown = (first.nodes(data=True), first.edges(data=True)) if graph else first
            key = repr((draw.__name__, shown, more, options))
            if key not in drawn:
                drawn[key] = draw(first, *more, **options)
            return drawn[key]

        return draw_once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.cppn, "draw_graph", once(page.cppn.draw_graph))
        for kind in ("confidences", "thresholds", "replacements", "sizes"):
            patch.setattr(page, f"draw_{kind}", once(getattr(page, f"draw_{kind}")))
        yield


@pytest.fixture(scope="session")
def make_run_in():
    """Make up a run in a folder."""
    return FakeRun


@pytest.fixture
def make_run(tmp_path):
    """Make up a run whose folder is a temporary one."""
    return lambda **options: FakeRun(tmp_path, **options)
