import numpy as np
import pytest
from genomes import config_of, line_of

from neatfool import cppn


def breeder(**refinements):
    return cppn.Breeder(cppn.PRESETS["paper"], config_of(), cppn.Refinements(**refinements))


def test_refinements_that_do_next_to_nothing_leave_the_papers_children():
    plain, refined = breeder(), breeder(mutation_cooling=1_000_000)
    parent = line_of(plain, 30)[-1]
    wanted = plain.breed([[parent]] * 50, range(50))
    found = refined.breed([[parent]] * 50, range(50))
    changed = [number for number, child in enumerate(wanted) if child != parent]
    assert len(changed) > 40
    assert all(found[number] == wanted[number] for number in changed)
    assert all(child != parent for child in found)
    assert plain.parents == 1


def test_random_cppns_grow_by_up_to_so_many_rounds():
    sizes = [genome.size() for genome in breeder(initial_rounds=20).create(range(300))]
    hidden = np.array([nodes for nodes, _ in sizes]) - 3
    connections = np.array([connections for _, connections in sizes])
    assert hidden.min() == 0
    assert hidden.max() == 20
    assert hidden.mean() == pytest.approx(10, abs=1.2)
    # 4 inputs to 3 outputs, and for each round one more by the split and nearly always one more.
    assert (connections <= 12 + 2 * hidden).all()
    assert (connections - 12).mean() == pytest.approx(2 * hidden.mean(), rel=0.1)


def test_as_many_children_are_grafted_as_wanted_and_only_they_want_two_parents():
    grafting = breeder(graft=0.25)
    sizes = np.array(grafting.parent_counts(range(2000)))
    assert grafting.parents == 2
    assert (sizes == 2).mean() == pytest.approx(0.25, abs=0.03)
    one, other = (line_of(grafting, 25, seed)[-1] for seed in (1, 2))
    alone = grafting.breed([[one]] * 400, range(400))
    mated = grafting.breed([[one, other]] * 400, range(400))
    changed = np.array([child != same for child, same in zip(mated, alone, strict=True)])
    assert (changed <= (sizes[:400] == 2)).all()
    assert changed.sum() > 0.9 * (sizes[:400] == 2).sum()


def test_either_parent_may_give_most_of_a_grafted_child():
    grafting = breeder(graft=1.0)
    one, other = (line_of(breeder(), 40, seed)[-1] for seed in (1, 2))
    children = grafting.breed([[one, other]] * 100, range(100))
    # The grafted nodes have new ids.
    mine, yours = one.nodes.keys() - other.nodes.keys(), other.nodes.keys() - one.nodes.keys()
    kept = {
        (bool(mine & child.nodes.keys()), bool(yours & child.nodes.keys())) for child in children
    }
    assert {(True, False), (False, True)} <= kept


def test_all_mutations_get_rarer_and_vary_together():
    parent = max(breeder(initial_rounds=60).create(range(9)), key=lambda genome: genome.size())

    def changed(generation=0, **refinements):
        breeding = breeder(**refinements).in_generation(generation)
        children = breeding.breed([[parent]] * 500, range(500))
        weights = [
            sum(
                edge in child.connections and child.connections[edge].weight != gene.weight
                for edge, gene in parent.connections.items()
            )
            for child in children
        ]
        added = [len(child.nodes.keys() - parent.nodes.keys()) for child in children]
        return np.array(weights), np.mean(added)

    (weights, added), (half_weights, half_added) = changed(), changed(1, mutation_cooling=1)
    assert half_weights.mean() == pytest.approx(weights.mean() / 2, rel=0.1)
    assert half_added == pytest.approx(added / 2, rel=0.25)
    spread_weights, _ = changed(mutation_spread=1.0)
    assert spread_weights.std() > 1.3 * weights.std()


def test_what_cools_gets_less_likely_by_generations():
    cooling = breeder(graft=0.8, mutation_cooling=50)

    def grafted(generation):
        sizes = cooling.in_generation(generation).parent_counts(range(3000))
        return np.mean(np.array(sizes) == 2)

    assert grafted(0) == pytest.approx(0.8, abs=0.03)
    assert grafted(50) == pytest.approx(0.4, abs=0.03)
    assert grafted(350) == pytest.approx(0.1, abs=0.03)


def test_however_weak_mutation_is_a_child_is_no_copy():
    parent = line_of(breeder(), 40, 1)[-1]
    weak = breeder(mutation_cooling=1).in_generation(99)
    children = weak.breed([[parent]] * 200, range(200))
    assert all(child != parent for child in children)
    changed = [
        sum(
            edge not in child.connections or vars(child.connections[edge]) != vars(gene)
            for edge, gene in parent.connections.items()
        )
        for child in children
    ]
    assert np.median(changed) == 1


def changes(parents, children):
    """Count the connections that came or went, and the weights that changed, and by how much."""
    structure, moves = 0, []
    for parent, child in zip(parents, children, strict=True):
        before, after = ({*each.connections} for each in (parent, child))
        structure += len(before ^ after)
        both = ((parent.connections[k].weight, child.connections[k].weight) for k in before & after)
        moves += [abs(old - new) for old, new in both if old != new]
    return structure, len(moves), np.mean(moves)


@pytest.mark.parametrize("preset", ["paper", "neat"])
def test_factors_change_weights_and_structure_apart(preset):
    usual = cppn.Breeder(cppn.PRESETS[preset], config_of())
    parents = [line_of(usual, 20)[-1]] * 200

    def measure(strength, structure):
        other = usual.with_mutation(strength, structure)
        return changes(parents, other.breed([[each] for each in parents], range(200)))

    plain, strong, rigid = measure(1, 1), measure(2, 1), measure(1, 0)
    assert rigid[0] == 0
    assert plain[0] > 100
    assert strong[1] > 1.3 * plain[1]
    assert strong[2] > 1.3 * plain[2]
    assert strong[0] == pytest.approx(plain[0], rel=0.3)


def test_with_factors_no_child_is_a_copy():
    usual = breeder()
    parent = line_of(usual, 0)[-1]
    assert parent in usual.breed([[parent]] * 100, range(100))
    assert parent not in usual.with_mutation(0.2, 0).breed([[parent]] * 100, range(100))
