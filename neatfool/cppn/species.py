"""Species: how unlike two genomes are, by which neat-python's species set divides a population.

The scheme ``single_class`` keeps species, with neat-python's own speciation, fitness sharing and
stagnation. MAP-Elites has none: its niches are the classes.
"""

from typing import Any

from neat.genome import DefaultGenome


def distance(one: Any, other: Any, config: Any) -> float:
    """Measure the compatibility distance of two genomes: neat-python's, made symmetric.

    Genes without a match count by the configuration's ``compatibility_disjoint_coefficient``, and
    differences between matching genes by its ``compatibility_weight_coefficient``. neat-python adds
    in the order of its first genome, and the last bits depend on that; here the keys decide which
    is the first.
    """
    first, second = sorted((one, other), key=lambda each: [[*each.nodes], [*each.connections]])
    return float(DefaultGenome.distance(first, second, config))
