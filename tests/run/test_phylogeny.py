"""``run.phylogeny()``: it says what elites and their ancestors say one by one."""

from contextlib import closing

import networkx as nx
import pytest
from searches import run_whole, toy_assembly
from torch import nn

from neatfool import fool


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with closing(run_whole(toy_assembly(), tmp_path_factory.mktemp("toy") / "run")) as run:
        yield run


def fitter_line(graph, id_):
    line = [id_]
    while parents := [u for u, _, at in graph.in_edges(line[-1], "position") if at == 0]:
        line += parents
    return line


def test_it_is_what_the_lines_of_ancestors_say(run):
    graph = run.phylogeny()
    for elite in run:
        line = run.lineage(elite.index)
        assert fitter_line(graph, elite.candidate_id) == [each.candidate_id for each in line]
        for each in line:
            node = graph.nodes[each.candidate_id]
            assert node["generation"] == each.generation
            assert {*graph.predecessors(each.candidate_id)} == {*each.parents}
            assert next(iter(node["held"].items()), (None, None)) == (each.name, each.confidence)
            assert (node["kind"] == "first") == (not each.parents)


def test_all_that_held_a_niche_are_in_it_with_all_that_they_held(run):
    told = [
        (run.classes.index(name), id_, confidence)
        for id_, held in run.phylogeny().nodes(data="held")
        for name, confidence in held.items()
    ]
    assert sorted(told) == sorted(run.holders())


def test_with_elites_only_their_ancestors_are_left(run):
    graph, kept = run.phylogeny(), run.phylogeny(elites=True)
    holders = {elite.candidate_id for elite in run}
    assert {id_ for id_, elite in graph.nodes(data="elite") if elite} == holders
    assert {*kept} == holders.union(*(nx.ancestors(graph, id_) for id_ in holders))
    assert len(kept) < len(graph)
    assert {*kept.edges} == {edge for edge in graph.edges if {*edge} <= {*kept}}


def test_what_was_learned_has_its_parents_structure_and_other_numbers(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).eval()
    scheme = {"batch": 10, "initial": 20, "learn": 0.6, "learn_steps": 2, "learn_after": 0}
    with closing(
        fool(
            model,
            image=(1, 8, 8),
            classes=4,
            images=150,
            scheme_options=scheme,
            out=tmp_path / "run",
            progress=False,
        )
    ) as run:
        graph = run.phylogeny()
        learned = [id_ for id_, kind in graph.nodes(data="kind") if kind == "learned"]
        assert learned
        for id_ in learned:
            (parent,) = graph.predecessors(id_)
            child, older = (
                run.holder(run.classes.index(next(iter(graph.nodes[each]["held"]))), each).genome
                for each in (id_, parent)
            )
            assert {*child.connections} == {*older.connections}
            changed = [
                gene.weight != older.connections[edge].weight
                for edge, gene in child.connections.items()
            ]
            assert any(changed)
