from __future__ import annotations

import pytest
from neat.genes import DefaultConnectionGene, DefaultNodeGene

from neatfool import cppn

NODE = cppn.NodeGene(7, "sin", "max", 0.5, 2.0, 3.0)
CONNECTION = cppn.ConnectionGene((-1, 7), 1.5, False)


@pytest.mark.parametrize(
    ("kind", "like"),
    [(cppn.NodeGene, DefaultNodeGene), (cppn.ConnectionGene, DefaultConnectionGene)],
)
def test_a_gene_has_neat_pythons_attributes_and_a_key_and_nothing_else(kind, like):
    # neat-python names them nowhere else.
    names = [attribute.name for attribute in like._gene_attributes]
    assert sorted(kind.__slots__) == sorted([*names, "key"])
    assert [attribute.name for attribute in kind._gene_attributes] == names


@pytest.mark.parametrize("gene", [NODE, CONNECTION])
def test_a_copy_is_equal_and_another(gene):
    assert gene.copy() is not gene
    assert gene.copy().values == gene.values
    assert type(gene.copy()) is type(gene)


def test_a_copy_may_have_another_value():
    assert NODE.having("bias", 9.0).values == (7, "sin", "max", 9.0, 2.0, 3.0)
    assert CONNECTION.having("enabled", True).values == ((-1, 7), 1.5, True)
    assert NODE.values == (7, "sin", "max", 0.5, 2.0, 3.0)
    assert CONNECTION.values == ((-1, 7), 1.5, False)


def test_a_gene_is_shown_as_neat_pythons():
    assert str(NODE).startswith("NodeGene(key=7, bias=0.5, response=2.0, activation=sin")
    assert str(CONNECTION).endswith("weight=1.5, enabled=False)")
