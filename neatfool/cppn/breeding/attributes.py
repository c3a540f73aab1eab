"""Gives genes their attributes and changes them, with neat-python's distributions.

neat-python looks up its keys for every attribute of every gene, and draws a number only to learn
that nothing changes. Here a configuration is read once, and genes that do not change are skipped.
So the random numbers differ from neat-python's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log, sin, sqrt, tau
from typing import TYPE_CHECKING, Any, Protocol

from neat.attributes import BoolAttribute, FloatAttribute

from neatfool.cppn.breeding.streams import EachWithProbability, normal, one_of
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neatfool.cppn.breeding.streams import Draw
    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.genome.markings import Edge

    Value = float | str | bool

ANY = ("random", "none")
TRUE = ("1", "on", "yes", "true")


class NewGenes:
    """Makes new genes with their initial attributes."""

    def __init__(self, config: GenomeConfig) -> None:
        self._usual_node = NodeGene(0)
        self._usual_connection = ConnectionGene((0, 0))
        self._of_node = _prepare(self._usual_node, config)
        self._of_connection = _prepare(self._usual_connection, config)

    def node(self, key: int, draw: Draw) -> NodeGene:
        """Make a node."""
        gene = self._usual_node.copy()
        gene.key = key
        for name, value in self._of_node:
            setattr(gene, name, value(draw))
        return gene

    def connection(self, edge: Edge, draw: Draw) -> ConnectionGene:
        """Make a connection."""
        gene = self._usual_connection.copy()
        gene.key = edge
        for name, value in self._of_connection:
            setattr(gene, name, value(draw))
        return gene


class Change(Protocol):
    """A way in which an attribute of genes changes."""

    def mutate(self, genes: dict[Any, Any], draw: Draw) -> None:
        """Replace the genes in which the attribute changes."""

    def expected_draws(self, genes: float) -> float:
        """Give the mean number of random numbers for a number of genes."""


@dataclass(frozen=True)
class NumberChange:
    """A number either moves by a normal step or is drawn anew.

    Attributes:
        name: The attribute.
        moved: The probability that it moves.
        either: The probability that it moves or is drawn anew.
        power: The standard deviation of a step.
        low: The smallest value.
        high: The largest value.
        anew: Draws a new value.
    """

    name: str
    moved: float
    either: float
    power: float
    low: float
    high: float
    anew: Callable[[Draw], float]

    def mutate(self, genes: dict[Any, Any], draw: Draw) -> None:
        """Replace the genes in which the number changes."""
        name, moved, either, power = self.name, self.moved, self.either, self.power
        low, high, anew, is_weight = self.low, self.high, self.anew, name == "weight"
        spare = None
        for gene, r in [(g, r) for g in genes.values() if (r := draw()) < either]:
            if r < moved:
                # Box and Muller's method gives two steps. (Breeding spends most of its time here.)
                if spare is None:
                    radius = power * sqrt(-2.0 * log(1.0 - draw()))
                    angle = tau * draw()
                    step, spare = radius * cos(angle), radius * sin(angle)
                else:
                    step, spare = spare, None
                new = (gene.weight if is_weight else getattr(gene, name)) + step
                new = low if new < low else high if new > high else new
            else:
                new = anew(draw)
            genes[gene.key] = gene.with_weight(new) if is_weight else gene.having(name, new)

    def expected_draws(self, genes: float) -> float:
        """Give the mean number of random numbers for a number of genes."""
        return genes * (1.0 + 1.5 * self.either)


@dataclass(frozen=True)
class SwitchChange:
    """A name or a truth value is drawn anew.

    Attributes:
        name: The attribute.
        chosen: Chooses the genes in which it is drawn.
        value: Draws a value, given the old one; it may be the same.
    """

    name: str
    chosen: EachWithProbability
    value: Callable[[Any, Draw], Any]

    def mutate(self, genes: dict[Any, Any], draw: Draw) -> None:
        """Replace the genes in which the value changes."""
        for gene in self.chosen.of(list(genes.values()), draw):
            old = getattr(gene, self.name)
            new = self.value(old, draw)
            if new != old:
                genes[gene.key] = gene.having(self.name, new)

    def expected_draws(self, genes: float) -> float:
        """Give the mean number of random numbers for a number of genes."""
        return 3.0 * genes * self.chosen.probability


def changes(gene: type[Any], config: GenomeConfig, *, but: Iterable[str] = ()) -> list[Change]:
    """List the changes of a kind of gene at a rate above 0, except those of attributes ``but``."""
    found: list[Change | None] = [
        _number_change(attribute.name, config)
        if isinstance(attribute, FloatAttribute)
        else _switch_change(attribute, config)
        for attribute in gene._gene_attributes
        if attribute.name not in but
    ]
    return [change for change in found if change is not None]


def _number_change(name: str, config: GenomeConfig) -> NumberChange | None:
    moved, replaced = _of(config, name, "mutate_rate", "replace_rate")
    if not moved + replaced:
        return None
    power, low, high = _of(config, name, "mutate_power", "min_value", "max_value")
    anew = _initial_number(name, config)
    draw_anew = anew if callable(anew) else lambda _: anew
    return NumberChange(name, moved, moved + replaced, power, low, high, draw_anew)


def _switch_change(attribute: Any, config: GenomeConfig) -> SwitchChange | None:
    name = attribute.name
    (rate,) = _of(config, name, "mutate_rate")
    if isinstance(attribute, BoolAttribute):
        # Indexed by the old value, False or True.
        rates = [
            min(max(rate + more, 0.0), 1.0)
            for more in _of(config, name, "rate_to_true_add", "rate_to_false_add")
        ]
        rate = max(rates)

        def value(old: Any, draw: Draw) -> Any:
            return draw() < 0.5 if draw() * rate < rates[old] else old

    else:
        options = tuple(getattr(config, f"{name}_options"))

        def value(old: Any, draw: Draw) -> Any:
            return one_of(options, draw)

    return SwitchChange(name, EachWithProbability(rate), value) if rate > 0.0 else None


def _prepare(gene: Any, config: GenomeConfig) -> list[tuple[str, Callable[[Draw], Value]]]:
    """Give a gene the attributes that all new ones have, and list how to draw the others."""
    drawn = []
    for attribute in gene._gene_attributes:
        value = _initial(attribute, config)
        if callable(value):
            drawn.append((attribute.name, value))
        setattr(gene, attribute.name, None if callable(value) else value)
    return drawn


def _initial(attribute: Any, config: GenomeConfig) -> Value | Callable[[Draw], Value]:
    """Give the value of an attribute of new genes, or a function that draws it."""
    name = attribute.name
    if isinstance(attribute, FloatAttribute):
        return _initial_number(name, config)
    default = str(getattr(config, f"{name}_default"))
    if isinstance(attribute, BoolAttribute):
        return (lambda draw: draw() < 0.5) if default.lower() in ANY else default.lower() in TRUE
    if default.lower() not in ANY:
        return default
    options = tuple(getattr(config, f"{name}_options"))
    return lambda draw: one_of(options, draw)


def _initial_number(name: str, config: GenomeConfig) -> float | Callable[[Draw], float]:
    mean, stdev, low, high = _of(config, name, "init_mean", "init_stdev", "min_value", "max_value")
    if not stdev:
        return max(min(mean, high), low)
    if "uniform" in getattr(config, f"{name}_init_type").lower():
        # As in neat-python: two deviations to either side, within the bounds.
        first, last = max(low, mean - 2.0 * stdev), min(high, mean + 2.0 * stdev)
        return lambda draw: first + (last - first) * draw()
    return lambda draw: max(min(mean + stdev * normal(draw), high), low)


def _of(config: GenomeConfig, name: str, *keys: str) -> list[float]:
    return [getattr(config, f"{name}_{key}") for key in keys]
