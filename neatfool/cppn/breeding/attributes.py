"""Gives genes their attributes and changes them, with neat-python's distributions; compiled.

neat-python looks up its keys for every attribute of every gene, and draws a number only to learn
that nothing changes. Here a configuration is read once (:mod:`neatfool.cppn.breeding.plan`), and
genes that do not change are skipped. So the random numbers differ from neat-python's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from neatfool.cppn.breeding.chance import TAU, choose, draw, draw_normal, draw_place
from neatfool.cppn.compiling import inner

if TYPE_CHECKING:
    from numpy import ndarray as Array

    from neatfool.cppn.breeding.draft import Draft

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


@inner
def draw_initial(row: Array, names: Array, stream: Array) -> float:
    """Give an attribute of a new gene.

    Args:
        row: float64 [PLAN], the attribute's row of the plan.
        names: int64 [1 + names], how many names it may have, and their codes.
        stream: The stream.
    """
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
    """Change an attribute of some genes.

    Args:
        words: int64 [genes, columns], the genes.
        numbers: float64, the same memory.
        row: float64 [PLAN], the attribute's row of the plan.
        names: int64 [1 + names], how many names it may have, and their codes.
        draft: The genome.

    Returns:
        Whether a number moved or was drawn anew, even if to its old value.
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
    """Turn a uniform number into a step of polynomial mutation.

    Args:
        r: A number in [0, 1).
        power: 1 / (eta + 1), with the distribution's index eta. A small power makes small steps.

    Returns:
        A step in [-1, 1), in units of the value's range: (2r)^power - 1 for r below one half, else
        1 - (2(1-r))^power.
    """
    if r < 0.5:
        return math.pow(2.0 * r, power) - 1.0
    return 1.0 - math.pow(2.0 * (1.0 - r), power)
