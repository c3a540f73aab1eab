"""The mutation operators, and the order in which the paper and neat-python apply them.

An operator is a function ``operator(genome, rates, random)``. It changes the genome
(:class:`~neatfool.cppn.buffer.GenomeBuffer`) in place. What it needs of the configuration are named
fields of the rates (:class:`MutationRates`), and all chance comes from the stream ``random``
(:mod:`neatfool.cppn.rng`). numba compiles operators as they stand; where it is missing, they run as
plain Python, with the same result.

To add an operator: write the function, give :class:`MutationRates` a field with its name for its
probability, and call it in :func:`mutate_as_the_paper` (presets ``paper`` and ``patterns``), in
:func:`mutate_as_neat` (preset ``neat``), or in both. The field is read from the key ``NAME_prob``
of ``[DefaultGenome]``, whose name and values stand in :mod:`neatfool.cppn.genome.options`. Where
that is 0 no random number may be drawn, so that runs stay what they were:
``if rates.NAME and draw(random) < rates.NAME``.

neat-python looks up its keys for every attribute of every gene, and draws a number only to learn
that nothing changes. Here genes that do not change are skipped, and cycles are searched only where
they can be. So the random numbers differ from neat-python's, but not the distribution of children;
the tests compare the two.
"""

import math
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.buffer import (
    Batch,
    GenomeBuffer,
    Parent,
    append_connection,
    closes_cycle,
    copy_genome,
    find_connection,
    is_copy,
    list_hidden,
    remove_connection,
    write_child,
)
from neatfool.cppn.genome.genes import MOST_OPTIONS, SPLIT, record_of
from neatfool.cppn.jit import inner
from neatfool.cppn.rng import TAU, choose, draw, draw_normal, draw_place, new_id

RANDOM: Final = -1
"""Stands for a default that is drawn for each new gene."""
TRIES: Final = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""
STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""
_Options = Annotated[Array, (np.int64, (MOST_OPTIONS,))]


class NumberRates(NamedTuple):
    """A weight, bias or response, as neat-python's keys of these names say."""

    mutate_rate: float
    replace_rate: float
    mutate_power: float
    mutate_eta: float
    min_value: float
    max_value: float
    init_mean: float
    init_stdev: float
    init_uniform: bool  # whether ``init_type`` is uniform, not Gaussian


class NameRates(NamedTuple):
    """An activation, by its code."""

    mutate_rate: float
    default: int  # a new gene's; RANDOM for any of the options
    choices: int  # the number of options
    options: _Options


class SwitchRates(NamedTuple):
    """Whether a connection is enabled."""

    rate_where_true: float  # the probability that it is drawn anew
    rate_where_false: float
    default: int  # a new gene's; RANDOM for either


class MutationRates(NamedTuple):
    """How often each mutation happens, and how new genes are drawn.

    Compiled code takes it as a record of numpy's with the same fields: :data:`RATES`.
    """

    weight: NumberRates
    enabled: SwitchRates
    bias: NumberRates
    response: NumberRates
    activation: NameRates
    add_connection: float
    delete_connection: float
    add_node: float
    delete_node: float


def _record_of(fields: type[Any]) -> np.dtype[Any]:
    """Give the record with the fields of a named tuple."""
    hints = get_type_hints(fields, include_extras=True)
    kinds = {name: getattr(hint, "__metadata__", [hint])[0] for name, hint in hints.items()}
    return record_of(**{n: _record_of(k) if hasattr(k, "_fields") else k for n, k in kinds.items()})


RATES: Final = _record_of(MutationRates)


@inner
def mutate_as_the_paper(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Mutate in the six steps of the paper's own code.

    Attributes that the paper's CPPNs do not have mutate with the activations, as in neat-python, at
    rates that the presets set to 0.
    """
    mutate_weights(genome, rates, random)  # 1.
    mutate_enabled(genome, rates, random)
    mutate_nodes(genome, rates, random)  # 2. mutate_activations, and the other attributes
    if draw(random) < rates.add_connection:  # 3.
        add_connection(genome, rates, random)
    if draw(random) < rates.delete_connection:  # 4.
        delete_connection(genome, rates, random)
    if draw(random) < rates.add_node:  # 5.
        add_node(genome, rates, random)
    if draw(random) < rates.delete_node:  # 6.
        delete_node(genome, rates, random)


@inner
def mutate_as_neat(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Mutate as neat-python does: the structure, then each attribute of each gene."""
    if draw(random) < rates.add_node:
        neat_add_node(genome, rates, random)
    if draw(random) < rates.delete_node:
        delete_node(genome, rates, random)
    if draw(random) < rates.add_connection:
        neat_add_connection(genome, rates, random)
    if draw(random) < rates.delete_connection:
        delete_connection(genome, rates, random)
    neat_mutate_weights(genome, rates, random)
    mutate_enabled(genome, rates, random)
    mutate_nodes(genome, rates, random)


# The structure: the paper's operators, and where neat-python's differ, those.


@inner
def add_connection(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Add a random connection that is absent and closes no cycle; all are equally likely."""
    hidden = list_hidden(genome)
    for _ in range(TRIES):
        source = _draw_source(genome, hidden, random)
        target = draw_place(genome.size.nodes, random)
        if find_connection(genome, source, target) < 0 and not closes_cycle(genome, source, target):
            _append_new_connection(genome, source, target, rates, random)
            return


@inner
def neat_add_connection(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Add a random connection, unless it is there or closes a cycle."""
    target = draw_place(genome.size.nodes, random)
    source = _draw_source(genome, list_hidden(genome), random)
    if find_connection(genome, source, target) < 0 and not closes_cycle(genome, source, target):
        _append_new_connection(genome, source, target, rates, random)


@inner
def delete_connection(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Delete a random connection, if there is one."""
    if genome.size.connections:
        remove_connection(genome, draw_place(genome.size.connections, random))


@inner
def add_node(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Replace a random connection by a new node and two connections of the same weight."""
    if genome.size.connections:
        place = draw_place(genome.size.connections, random)
        split = genome.connections[place]
        source, target, weight = split.source, split.target, split.weight
        remove_connection(genome, place)
        node = _append_new_node(genome, source, target, rates, random)
        append_connection(genome, source, node, weight, 1.0)
        append_connection(genome, node, target, weight, 1.0)


@inner
def neat_add_node(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Add a new node on the way of a random connection, and disable that."""
    if genome.size.connections:
        split = genome.connections[draw_place(genome.size.connections, random)]
        node = _append_new_node(genome, split.source, split.target, rates, random)
        genome.nodes[node].bias = 0.0
        split.enabled = 0.0
        append_connection(genome, split.source, node, 1.0, 1.0)
        append_connection(genome, node, split.target, split.weight, 1.0)


@inner
def delete_node(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Delete a random hidden node, if there is one, and its connections."""
    hidden = list_hidden(genome)
    if not hidden:
        return
    gone = genome.scratch[0, draw_place(hidden, random)]
    genome.size.nodes -= 1
    for node in range(gone, genome.size.nodes):
        genome.nodes[node] = genome.nodes[node + 1]
    kept = 0
    for place in range(genome.size.connections):
        source, target = genome.connections[place].source, genome.connections[place].target
        if source != gone and target != gone:  # noqa: PLR1714 - compiles faster
            genome.connections[kept] = genome.connections[place]
            genome.connections[kept].source = source - 1 if source > gone else source
            genome.connections[kept].target = target - 1 if target > gone else target
            kept += 1
    genome.size.connections = kept


@inner
def _draw_source(genome: GenomeBuffer, hidden: int, random: Array) -> int:
    """Draw an input or a hidden node, as :func:`list_hidden` left them in scratch."""
    inputs = genome.size.inputs
    place = draw_place(inputs + hidden, random)
    return -1 - place if place < inputs else genome.scratch[0, place - inputs]


@inner
def _append_new_connection(
    genome: GenomeBuffer, source: int, target: int, rates: MutationRates, random: Array
) -> None:
    weight = _draw_number(rates.weight, random)
    enabled = float(rates.enabled.default)
    if rates.enabled.default == RANDOM:
        enabled = 1.0 if draw(random) < 0.5 else 0.0
    append_connection(genome, source, target, weight, enabled)


@inner
def _append_new_node(
    genome: GenomeBuffer, source: int, target: int, rates: MutationRates, random: Array
) -> int:
    """Append a new node that splits a connection between two places; give its place.

    Its key is the first id of those that the connection's splits have that is not taken.
    """
    first = genome.nodes[source].key if source >= 0 else source
    second, again, node = genome.nodes[target].key, 0, 0
    key = new_id(SPLIT, first, second, again)
    while node < genome.size.nodes:
        if genome.nodes[node].key == key:
            again, node = again + 1, -1
            key = new_id(SPLIT, first, second, again)
        node += 1
    genome.size.nodes += 1
    new = genome.nodes[node]
    new.key = key
    new.bias = _draw_number(rates.bias, random)
    new.response = _draw_number(rates.response, random)
    new.activation = _draw_name(rates.activation, random)
    return node


@inner
def _draw_number(rates: NumberRates, random: Array) -> float:
    """Draw a number of a new gene."""
    mean, deviation = rates.init_mean, rates.init_stdev
    if deviation == 0.0:
        return _clip(mean, rates)
    if rates.init_uniform:
        # As in neat-python: two deviations to either side, within the bounds.
        least = max(rates.min_value, mean - 2.0 * deviation)
        most = min(rates.max_value, mean + 2.0 * deviation)
        return least + (most - least) * draw(random)
    return _clip(mean + deviation * draw_normal(random), rates)


@inner
def _draw_name(rates: NameRates, random: Array) -> int:
    """Draw the function of a new node."""
    if rates.default == RANDOM:
        return int(rates.options[draw_place(rates.choices, random)])
    return rates.default


# Attributes of connections, and of nodes.


@inner
def mutate_weights(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Let each weight change by polynomial mutation, or stay."""
    own, chosen = rates.weight, genome.scratch[0]
    exponent, span = 1.0 / (own.mutate_eta + 1.0), own.max_value - own.min_value
    found = choose(genome.size.connections, own.mutate_rate, random, chosen)
    for place in chosen[:found]:
        step = polynomial_step(draw(random), exponent)
        connection = genome.connections[place]
        connection.weight = _clip(connection.weight + span * step, own)


@inner
def polynomial_step(r: float, exponent: float) -> float:
    """Turn r in [0, 1) into a step of polynomial mutation, as a part of the value's range.

    The exponent is 1 / (eta + 1): a large index eta makes small steps.
    """
    if r < 0.5:
        return math.pow(2.0 * r, exponent) - 1.0
    return 1.0 - math.pow(2.0 * (1.0 - r), exponent)


@inner
def neat_mutate_weights(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Let each weight move by a normal step, or be drawn anew, or stay."""
    weights = genome.connections["weight"][: genome.size.connections]
    _move_numbers(weights, rates.weight, genome, random)


@inner
def mutate_enabled(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Let each connection be enabled or disabled anew, or stay as it is."""
    own, chosen = rates.enabled, genome.scratch[0]
    most = max(own.rate_where_true, own.rate_where_false)
    found = choose(genome.size.connections, most, random, chosen)
    for place in chosen[:found]:
        connection = genome.connections[place]
        rate = own.rate_where_true if connection.enabled else own.rate_where_false
        if draw(random) * most < rate:
            connection.enabled = 1.0 if draw(random) < 0.5 else 0.0


@inner
def mutate_nodes(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Let each attribute of each node change, or stay."""
    nodes = genome.nodes[: genome.size.nodes]
    _move_numbers(nodes["bias"], rates.bias, genome, random)
    _move_numbers(nodes["response"], rates.response, genome, random)
    mutate_activations(genome, rates, random)


@inner
def mutate_activations(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    """Let each node's activation become any of the options, or stay."""
    own, chosen = rates.activation, genome.scratch[0]
    found = choose(genome.size.nodes, own.mutate_rate, random, chosen)
    for place in chosen[:found]:
        genome.nodes[place].activation = own.options[draw_place(own.choices, random)]


@inner
def _move_numbers(numbers: Array, rates: NumberRates, genome: GenomeBuffer, random: Array) -> None:
    """Let each number move by a normal step, or be drawn anew, or stay."""
    either, chosen, rolls = rates.mutate_rate + rates.replace_rate, genome.scratch[0], genome.rolls
    found, spare, is_spare = 0, 0.0, False
    for place in range(len(numbers) if either else 0):
        rolls[found] = draw(random)
        if rolls[found] < either:
            chosen[found] = place
            found += 1
    for number in range(found):
        place = chosen[number]
        if rolls[number] >= rates.mutate_rate:
            numbers[place] = _draw_number(rates, random)
            continue
        # Box and Muller's method gives two steps.
        step, is_spare = spare, not is_spare
        if is_spare:
            radius = rates.mutate_power * math.sqrt(-2.0 * math.log(1.0 - draw(random)))
            angle = TAU * draw(random)
            step, spare = radius * math.cos(angle), radius * math.sin(angle)
        numbers[place] = _clip(numbers[place] + step, rates)


@inner
def _clip(number: float, rates: NumberRates) -> float:
    least, most = rates.min_value, rates.max_value
    return least if number < least else most if number > most else number


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


_step_of = inner(strength_step)


@inner
def mutate_refined(
    batch: Batch,
    child: int,
    parent: Parent,
    table: Array,
    lowest: int,
    strength: float,
    spread: float,
    copies: int,
    genome: GenomeBuffer,
) -> None:
    """Write a child that the paper's mutation and its refinements make of a parent.

    The table has the rates of each step of strength, from the lowest. The strength is a factor for
    all probabilities, and its logarithm has a spread. Of copies of the parent, at most so many are
    thrown away; if that is negative, the genome is in the buffer already.
    """
    own_strength = strength
    if spread:
        own_strength *= math.exp(spread * (2.0 * draw(batch.random) - 1.0))
    rates = table[_step_of(own_strength) - lowest]
    # Weak mutation often changes nothing, and scoring a copy would waste an image.
    for left in range(max(copies, 0), -1, -1):
        if copies >= 0:
            copy_genome(parent, genome)
        mutate_as_the_paper(genome, rates, batch.random)
        write_child(batch, child, genome)
        if left == 0 or not is_copy(batch, child):
            break
