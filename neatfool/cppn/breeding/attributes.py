"""Chance, and what it does to the attributes of genes, with neat-python's distributions; compiled.

Each child has a stream of random numbers. The state of SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", 2014) is one number, and its n-th output depends only on
the seed and n, so a stream costs nothing to start. All operations are on integers but one exact
product, so the numbers are the same on every machine.

neat-python looks up its keys for every attribute of every gene, and draws a number only to learn
that nothing changes. Here a configuration is read once into arrays (:class:`Plan`), and genes that
do not change are skipped. So the random numbers differ from neat-python's.
"""

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import numpy as np
from neat.attributes import BoolAttribute, FloatAttribute
from numpy import ndarray as Array

from neatfool.cppn.compiling import inlined, inner
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genes import SPARE_BITS, STEP, ConnectionGene, NodeGene
from neatfool.cppn.genome.genes import scramble as scramble_arrays
from neatfool.cppn.genome.genome import GenomeConfig

TAU: Final = math.tau
_MASK: Final = 2**64 - 1
_11: Final = np.uint64(11)

scramble = inner(scramble_arrays)


def seed_array(seeds: Sequence[int]) -> Array:
    """Give seeds, modulo 2**64, as uint64 [N]."""
    return np.array([seed & _MASK for seed in seeds], np.uint64)


def first_numbers(seeds: Array) -> Array:
    """Give the first number of the stream of each seed: float64 [N], in [0, 1)."""
    return np.asarray((scramble_arrays((seeds,)) >> _11) * 2.0**-53)


@inner
def draw(stream: Array) -> float:
    """Draw the next number of a stream, uint64 [1]: uniform in [0, 1), a multiple of 2**-53."""
    bits = scramble((stream[0],)) >> _11
    stream[0] += STEP
    return np.float64(bits) * 2.0**-53


@inlined
def draw_place(count: int, stream: Array) -> int:
    """Draw one of the places 0 to ``count`` - 1; all are equally likely."""
    return int(draw(stream) * count)


@inner
def draw_normal(stream: Array) -> float:
    """Draw from the standard normal distribution, by Box and Muller's method."""
    radius = math.sqrt(-2.0 * math.log(1.0 - draw(stream)))
    return radius * math.cos(TAU * draw(stream))


@inner
def choose(count: int, probability: float, scale: float, stream: Array, chosen: Array) -> int:
    """Choose some of the places 0 to ``count`` - 1, each with one probability; say how many.

    Up to the next one, a geometric number of places is skipped; :func:`scale_of` gives its scale.
    """
    found = 0
    if scale == 0.0:
        if probability > 0.0:
            for place in range(count):
                chosen[place] = place
            found = count
        return found
    place = int(math.log(1.0 - draw(stream)) * scale)
    while place < count:
        chosen[found] = place
        found += 1
        place += 1 + int(math.log(1.0 - draw(stream)) * scale)
    return found


def scale_of(probability: float) -> float:
    """Give the factor for the logarithm of a uniform number that makes the places to skip.

    log(1 - u) / log(1 - p) is at least n with probability (1 - p)^n. 0 stands for "all or none".
    """
    return max(1.0 / math.log1p(-probability), -1e15) if 0.0 < probability < 1.0 else 0.0


@inner
def new_id(kind: int, first: int, second: int, again: int) -> int:
    """Give the id of a new node: the marking of a kind and numbers."""
    one, other = np.uint64(np.int64(first)), np.uint64(np.int64(second))
    words = np.uint64(np.int64(kind)), one, other, np.uint64(np.int64(again))
    return int(np.int64(scramble(words) >> SPARE_BITS))


# The rows of ``Plan.attributes``: the attributes of nodes (bias, response, activation, aggregation
# and time constant), then those of connections (weight and enabled).
NODE_ATTRIBUTES: Final = 5
ATTRIBUTES: Final = 7
AGGREGATIONS: Final = 3
# Its columns: how an attribute changes, what new genes have; and how many they are.
COLUMN, CHANGE, RATE, SCALE, MOVED, POWER, LOW, HIGH, RATE_FALSE, RATE_TRUE = range(10)
BEGIN, FIRST, SPAN, PLAN = range(10, 14)
# How an attribute changes.
NEVER, NUMBER, POLYNOMIAL, NAME, SWITCH = range(5)
# What new genes have.
FIXED, GAUSSIAN, UNIFORM, ANY_NAME, COIN = range(5)
# The columns of ``Plan.structure``.
NODE_ADD, NODE_DELETE, CONN_ADD, CONN_DELETE = range(4)


class Plan(NamedTuple):
    """How genomes vary; compiled code looks at one of S steps of strength at a time."""

    attributes: Array  # float64 [S, ATTRIBUTES, PLAN]
    structure: Array  # float64 [S, 4], the probabilities of changes of structure
    options: Array
    """int64 [2, 1 + options], how many activations and aggregations there are, and their codes."""
    inputs: int  # the number of inputs
    outputs: int  # the number of outputs
    single: bool  # whether a child has at most one of neat-python's changes of structure
    surer: bool  # whether such a change that is impossible becomes another


class Draft(NamedTuple):
    """A genome in the making, whose arrays have room to grow, and scratch."""

    counts: Array  # int64 [2], the numbers of nodes and connections
    nodes: Array  # int64 [≥ nodes, NODE]
    node_numbers: Array  # float64, the same memory
    edges: Array  # int64 [≥ connections, EDGE]
    edge_numbers: Array  # float64, the same memory
    scratch: Array  # int64 [5, S]: S is more than the nodes, and more than the connections
    rolls: Array  # float64 [S], scratch
    stream: Array  # uint64 [1], the stream of random numbers


STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


ANY = ("random", "none")
CODES = {"activation": genes.ACTIVATION_CODES, "aggregation": genes.AGGREGATION_CODES}
_STRUCTURE = ("node_add", "node_delete", "conn_add", "conn_delete")


def make_plan(config: GenomeConfig, steps: Sequence[int], *, polynomial: bool) -> Plan:
    """Read a configuration, for steps of strength: a factor for the probabilities of mutations.

    Weights change by ``polynomial`` mutation, or as in neat-python.
    """
    configs: list[Any] = []
    for step in steps:
        rates = {
            key: min(value * 2.0 ** (step / STEPS_AN_OCTAVE), 1.0)
            for key, value in vars(config).items()
            if key.endswith(("_mutate_rate", "_add_prob", "_delete_prob"))
        }
        configs.append(SimpleNamespace(**{**vars(config), **rates}))
    codes = [
        [known[option] for option in getattr(config, f"{name}_options")]
        for name, known in CODES.items()
    ]
    options = np.zeros((2, 1 + max(map(len, codes))), np.int64)
    for number, row in enumerate(codes):
        options[number, : 1 + len(row)] = [len(row), *row]
    attributes = [*NodeGene._gene_attributes, *ConnectionGene._gene_attributes]
    return Plan(
        np.array([[_read(row, each, polynomial) for row in attributes] for each in configs]),
        np.array([[getattr(each, f"{name}_prob") for name in _STRUCTURE] for each in configs]),
        options,
        config.num_inputs,
        config.num_outputs,
        config.single_structural_mutation,
        config.check_structural_mutation_surer(),
    )


def _read(attribute: Any, config: Any, polynomial: bool) -> Array:
    """Read an attribute: float64 [PLAN]."""

    def get(*keys: str) -> list[Any]:
        return [getattr(config, f"{attribute.name}_{key}") for key in keys]

    def set_rate(rate: float, change: int) -> None:
        row[CHANGE] = change if rate > 0.0 else NEVER
        row[RATE], row[SCALE] = min(max(rate, 0.0), 1.0), scale_of(rate)

    row = np.zeros(PLAN)
    row[COLUMN] = getattr(genes, attribute.name.upper())
    (rate,) = get("mutate_rate")
    if isinstance(attribute, FloatAttribute):
        low, high = row[LOW], row[HIGH] = get("min_value", "max_value")
        mean, stdev, kind = get("init_mean", "init_stdev", "init_type")
        if not stdev:
            row[BEGIN], row[FIRST] = FIXED, max(min(mean, high), low)
        elif "uniform" in kind.lower():
            # As in neat-python: two deviations to either side, within the bounds.
            first, last = max(low, mean - 2.0 * stdev), min(high, mean + 2.0 * stdev)
            row[BEGIN], row[FIRST], row[SPAN] = UNIFORM, first, last - first
        else:
            row[BEGIN], row[FIRST], row[SPAN] = GAUSSIAN, mean, stdev
        if polynomial and attribute.name == "weight":
            set_rate(rate, POLYNOMIAL)
            row[POWER] = 1.0 / (config.weight_mutate_eta + 1.0)
        else:
            replaced, row[POWER] = get("replace_rate", "mutate_power")
            row[CHANGE] = NUMBER if rate + replaced else NEVER
            row[MOVED], row[RATE] = rate, rate + replaced
        return row
    (default,) = get("default")
    is_drawn = str(default).lower() in ANY
    if isinstance(attribute, BoolAttribute):
        row[BEGIN] = COIN if is_drawn else FIXED
        row[FIRST] = str(default).lower() == "true"
        more = get("rate_to_true_add", "rate_to_false_add")
        rates = row[RATE_FALSE], row[RATE_TRUE] = [min(max(rate + x, 0.0), 1.0) for x in more]
        set_rate(max(rates), SWITCH)
    else:
        row[BEGIN] = ANY_NAME if is_drawn else FIXED
        row[FIRST] = 0 if is_drawn else CODES[attribute.name][str(default)]
        set_rate(rate, NAME)
    return row


@inner
def draw_initial(row: Array, names: Array, stream: Array) -> float:
    """Give an attribute of a new gene, by its row of the plan and of the options."""
    begin = row[BEGIN]
    value: float = row[FIRST]
    if begin == FIXED:
        return value
    if begin == UNIFORM:
        return value + float(row[SPAN]) * draw(stream)
    if begin == ANY_NAME:
        return float(names[1 + draw_place(names[0], stream)])
    if begin == COIN:
        return 1.0 if draw(stream) < 0.5 else 0.0
    value += row[SPAN] * draw_normal(stream)
    low: float = row[LOW]
    high: float = row[HIGH]
    return low if value < low else high if value > high else value


@inner
def mutate_attributes(draft: Draft, plan: Plan) -> bool:
    """Change attributes of all connections, then of all nodes; say if a number was drawn."""
    touched = False
    for place in range(ATTRIBUTES):
        attribute = (NODE_ATTRIBUTES + place) % ATTRIBUTES
        if attribute < NODE_ATTRIBUTES:
            words, numbers, count = draft.nodes, draft.node_numbers, draft.counts[0]
        else:
            words, numbers, count = draft.edges, draft.edge_numbers, draft.counts[1]
        row, names = plan.attributes[attribute], plan.options[int(attribute == AGGREGATIONS)]
        touched |= _change_attribute(words[:count], numbers[:count], row, names, draft)
    return touched


@inner
def _change_attribute(words: Array, numbers: Array, row: Array, names: Array, draft: Draft) -> bool:
    """Change an attribute of some genes; say whether a number moved or was drawn anew."""
    change, column, stream, chosen = row[CHANGE], int(row[COLUMN]), draft.stream, draft.scratch[0]
    if change == NUMBER:
        return _change_number(numbers, row, names, draft)
    if change == NEVER:
        return False
    found = choose(len(words), row[RATE], row[SCALE], stream, chosen)
    if change == POLYNOMIAL:
        low, high, power = row[LOW], row[HIGH], row[POWER]
        for place in chosen[:found]:
            step = polynomial_step(draw(stream), power)
            weight = numbers[place, column] + (high - low) * step
            numbers[place, column] = low if weight < low else high if weight > high else weight
    elif change == NAME:
        for place in chosen[:found]:
            words[place, column] = names[1 + draw_place(names[0], stream)]
    else:
        for place in chosen[:found]:
            rate = row[RATE_TRUE] if numbers[place, column] else row[RATE_FALSE]
            if draw(stream) * row[RATE] < rate:
                numbers[place, column] = 1.0 if draw(stream) < 0.5 else 0.0
    return False


@inner
def _change_number(numbers: Array, row: Array, names: Array, draft: Draft) -> bool:
    """Let each number move by a normal step, or be drawn anew, or stay."""
    column, stream, chosen, rolls = int(row[COLUMN]), draft.stream, draft.scratch[0], draft.rolls
    moved, either, low, high = row[MOVED], row[RATE], row[LOW], row[HIGH]
    found = 0
    for place in range(len(numbers)):
        rolls[found] = draw(stream)
        if rolls[found] < either:
            chosen[found] = place
            found += 1
    spare, is_spare = 0.0, False
    for number in range(found):
        place = chosen[number]
        if rolls[number] < moved:
            # Box and Muller's method gives two steps.
            step, is_spare = spare, not is_spare
            if is_spare:
                radius = row[POWER] * math.sqrt(-2.0 * math.log(1.0 - draw(stream)))
                angle = TAU * draw(stream)
                step, spare = radius * math.cos(angle), radius * math.sin(angle)
            value = numbers[place, column] + step
            numbers[place, column] = low if value < low else high if value > high else value
        else:
            numbers[place, column] = draw_initial(row, names, stream)
    return found > 0


@inner
def polynomial_step(r: float, power: float) -> float:
    """Turn r in [0, 1) into a step of polynomial mutation, as a part of the value's range.

    The power is 1 / (eta + 1): a large index eta makes small steps.
    """
    if r < 0.5:
        return math.pow(2.0 * r, power) - 1.0
    return 1.0 - math.pow(2.0 * (1.0 - r), power)
