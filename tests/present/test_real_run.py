"""The report and the exports on a run that really took place."""

import networkx as nx
import numpy as np
import pytest

import neatfool
from neatfool import cppn
from neatfool.present import write_report


def quadrants(images):
    """Say which quarter of an image is the brightest."""
    halves = images.mean(1).reshape(len(images), 2, 6, 2, 6).mean((2, 4)).reshape(-1, 4)
    weights = np.exp(halves / 16)
    return weights / weights.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return neatfool.fool(
        quadrants,
        image=(1, 12, 12),
        classes=["north west", "north east", "south west", "south east"],
        generations=12,
        scheme_options={"batch": 20},
        out=tmp_path_factory.mktemp("runs") / "quadrants",
        progress=False,
    )


def test_a_real_run_has_a_page_with_all_that_it_left(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count('class="network"') == page.count('class="panel detail"') == 4
    assert page.count('class="curve"') == 5
    lines = [min(12, len(run.lineage(name))) for name in run.classes]
    assert page.count('class="ancestor pixels"') == sum(lines) > 4
    for name in run.classes:
        assert f"<bdi>{name}</bdi>" in page


def test_a_report_of_a_finished_run_is_the_same_each_time(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_an_exported_graph_is_still_the_equal_genome(run, tmp_path):
    elite = run.elite("south west")
    path = cppn.write(elite.graph(), tmp_path / "elite.graphml")
    assert cppn.from_graph(nx.read_graphml(path, node_type=int)) == elite.genome
