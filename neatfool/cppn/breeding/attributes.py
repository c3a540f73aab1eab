"""Gives genes their attributes and changes them, with neat-python's distributions; compiled.

neat-python looks up its keys for every attribute of every gene, and draws a number only to learn
that nothing changes. Here a configuration is read once into arrays (:class:`Plan`), and genes that
do not change are skipped. So the random numbers differ from neat-python's.
"""

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

import numpy as np
from neat.attributes import BoolAttribute, FloatAttribute
from numpy import ndarray as Array

from neatfool.cppn.breeding.chance import TAU, choose, draw, draw_normal, draw_place, scale_of
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome import flat
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import GenomeConfig

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

    attributes: Array
    """float64 [S, ATTRIBUTES, PLAN]."""
    structure: Array
    """float64 [S, 4], the probabilities of changes of structure."""
    options: Array
    """int64 [2, 1 + options], how many activations and aggregations there are, and their codes."""
    inputs: int
    """The number of inputs."""
    outputs: int
    """The number of outputs."""
    single: bool
    """Whether a child has at most one of neat-python's changes of structure."""
    surer: bool
    """Whether such a change that is impossible becomes another."""


class Draft(NamedTuple):
    """A genome in the making, whose arrays have room to grow, and scratch."""

    counts: Array
    """int64 [2], the numbers of nodes and connections."""
    nodes: Array
    """int64 [≥ nodes, NODE]."""
    node_numbers: Array
    """float64, the same memory."""
    edges: Array
    """int64 [≥ connections, EDGE]."""
    edge_numbers: Array
    """float64, the same memory."""
    scratch: Array
    """int64 [5, S]: S is more than the nodes, and more than the connections."""
    rolls: Array
    """float64 [S], scratch."""
    stream: Array
    """uint64 [1], the stream of random numbers."""


STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


ANY = ("random", "none")
CODES = {"activation": flat.ACTIVATION_CODES, "aggregation": flat.AGGREGATION_CODES}
_STRUCTURE = ("node_add", "node_delete", "conn_add", "conn_delete")


def make_plan(config: GenomeConfig, steps: Sequence[int], *, polynomial: bool) -> Plan:
    """Read a configuration, for steps of strength: a factor for the probabilities of mutations.

    Weights change by ``polynomial`` mutation, or as in neat-python.
    """
    configs = [_with_strength(config, 2.0 ** (step / STEPS_AN_OCTAVE)) for step in steps]
    codes = [
        [known[option] for option in getattr(config, f"{name}_options")]
        for name, known in CODES.items()
    ]
    options = np.zeros((2, 1 + max(map(len, codes))), np.int64)
    for number, row in enumerate(codes):
        options[number, : 1 + len(row)] = [len(row), *row]
    genes = [*NodeGene._gene_attributes, *ConnectionGene._gene_attributes]
    return Plan(
        np.array([[_read(gene, each, polynomial) for gene in genes] for each in configs]),
        np.array([[getattr(each, f"{name}_prob") for name in _STRUCTURE] for each in configs]),
        options,
        config.num_inputs,
        config.num_outputs,
        config.single_structural_mutation,
        config.check_structural_mutation_surer(),
    )


def _with_strength(config: GenomeConfig, strength: float) -> GenomeConfig:
    rates = {
        key: min(value * strength, 1.0)
        for key, value in vars(config).items()
        if key.endswith(("_mutate_rate", "_add_prob", "_delete_prob"))
    }
    return cast("GenomeConfig", SimpleNamespace(**{**vars(config), **rates}))


def _read(attribute: Any, config: GenomeConfig, polynomial: bool) -> Array:
    """Read an attribute: float64 [PLAN]."""
    name = attribute.name
    row = np.zeros(PLAN)
    row[COLUMN] = getattr(flat, name.upper())
    rate = float(getattr(config, f"{name}_mutate_rate"))
    if isinstance(attribute, FloatAttribute):
        _read_number(row, name, rate, config, polynomial and name == "weight")
    elif isinstance(attribute, BoolAttribute):
        default = str(getattr(config, f"{name}_default")).lower()
        row[BEGIN] = COIN if default in ANY else FIXED
        row[FIRST] = default == "true"
        more = [getattr(config, f"{name}_rate_to_{value}_add") for value in ("true", "false")]
        rates = [min(max(rate + each, 0.0), 1.0) for each in more]
        row[RATE_FALSE], row[RATE_TRUE] = rates
        _read_rate(row, max(rates), SWITCH)
    else:
        default = str(getattr(config, f"{name}_default"))
        is_drawn = default.lower() in ANY
        row[BEGIN] = ANY_NAME if is_drawn else FIXED
        row[FIRST] = 0 if is_drawn else CODES[name][default]
        _read_rate(row, rate, NAME)
    return row


def _read_rate(row: Array, rate: float, change: int) -> None:
    row[CHANGE] = change if rate > 0.0 else NEVER
    row[RATE] = min(max(rate, 0.0), 1.0)
    row[SCALE] = scale_of(rate)


def _read_number(
    row: Array, name: str, rate: float, config: GenomeConfig, polynomial: bool
) -> None:
    def of(*keys: str) -> list[Any]:
        return [getattr(config, f"{name}_{key}") for key in keys]

    low, high = row[LOW], row[HIGH] = of("min_value", "max_value")
    mean, stdev, kind = of("init_mean", "init_stdev", "init_type")
    if not stdev:
        row[BEGIN], row[FIRST] = FIXED, max(min(mean, high), low)
    elif "uniform" in kind.lower():
        # As in neat-python: two deviations to either side, within the bounds.
        first, last = max(low, mean - 2.0 * stdev), min(high, mean + 2.0 * stdev)
        row[BEGIN] = UNIFORM
        row[FIRST], row[SPAN] = first, last - first
    else:
        row[BEGIN] = GAUSSIAN
        row[FIRST], row[SPAN] = mean, stdev
    if polynomial:
        _read_rate(row, rate, POLYNOMIAL)
        row[POWER] = 1.0 / (config.weight_mutate_eta + 1.0)
        return
    replaced, power = of("replace_rate", "mutate_power")
    row[CHANGE] = NUMBER if rate + replaced else NEVER
    row[MOVED], row[RATE], row[POWER] = rate, rate + replaced, power


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
def mutate_attributes(draft: Draft, first: int, end: int, plan: Plan) -> bool:
    """Change some attributes of all nodes, or of all connections; say if a number was drawn."""
    touched = False
    for attribute in range(first, end):
        if attribute < NODE_ATTRIBUTES:
            words, numbers, count = draft.nodes, draft.node_numbers, draft.counts[0]
        else:
            words, numbers, count = draft.edges, draft.edge_numbers, draft.counts[1]
        row, names = plan.attributes[attribute], plan.options[int(attribute == AGGREGATIONS)]
        touched |= _change_attribute(words[:count], numbers[:count], row, names, draft)
    return touched


@inner
def _change_attribute(words: Array, numbers: Array, row: Array, names: Array, draft: Draft) -> bool:
    """Change an attribute of some genes, int64 and float64 [genes, columns] of the same memory.

    Say whether a number moved or was drawn anew, even if to its old value.
    """
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
    """Turn a number r in [0, 1) into a step of polynomial mutation, in units of the value's range.

    It is (2r)^power - 1 for r below one half, else 1 - (2(1-r))^power, with the power
    1 / (eta + 1): a large index eta makes small steps.
    """
    if r < 0.5:
        return math.pow(2.0 * r, power) - 1.0
    return 1.0 - math.pow(2.0 * (1.0 - r), power)
