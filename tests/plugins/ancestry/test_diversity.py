"""Diversity: founders by hand, and look-alikes of a small run."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from neatfool import analysis, fool
from neatfool_plugins.ancestry.diversity import diversity, founder_shares


def test_each_parent_gives_its_child_an_equal_part_of_its_founders():
    graph = nx.DiGraph([(0, 3), (1, 3), (3, 4), (0, 4), (2, 5)])
    graph.add_node(6)
    # 3 is half of 0 and half of 1; 4 is half of 3 and half of 0. 6 is an heir of nobody's.
    assert founder_shares(graph, [4, 4, 5, 1]) == {0: 1.5, 1: 1.5, 2: 1}
    assert founder_shares(graph, [0]) == {0: 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        scores = np.exp(-40 * (light[:, None] - np.linspace(0, 1, 5)) ** 2)
        return scores / scores.sum(1, keepdims=True)

    folder = tmp_path_factory.mktemp("diverse") / "run"
    return fool(model, image=(1, 6, 8), classes=[*"abcde"], images=300, out=folder, progress=False)


def test_a_run_of_one_founder_each_is_as_diverse_as_it_has_elites(run):
    graph = nx.DiGraph()
    graph.add_nodes_from(elite.candidate_id for elite in run)
    found = diversity(run, graph)
    assert found.founders == found.images == found.effective_founders == len(run.elites)
    assert found.most_fruitful == 1 / len(run.elites)


def test_what_descends_from_one_founder_counts_as_one(run):
    graph = nx.DiGraph((-1, elite.candidate_id) for elite in run)
    found = diversity(run, graph)
    assert (found.founders, found.effective_founders, found.most_fruitful) == (1, 1, 1)


def test_elites_with_the_same_image_are_look_alikes(run):
    alike = np.array([[1.0, 0], [1, 0], [0, 1], [0, -1], [0.6, 0.8]])
    found = diversity(run, features={"layout": alike})
    assert found.look_alikes == 4 / 5  # at 0.8 the last is one of the third's
    assert found.nearest == {"layout": 0.8}


def test_the_numbers_are_those_of_ancestry(run):
    (lineage,) = analysis.ancestry(run, pairs=0, permutations=19).runs
    found = diversity(run)
    assert found.model_dump().items() <= lineage.model_dump().items()
    assert f"effectively {found.effective_founders:.0f}" in found.headline()
