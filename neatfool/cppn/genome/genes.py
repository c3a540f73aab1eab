"""The genes of a CPPN: neat-python's, made small.

Memory limits the speed of breeding: a child of the preset ``neat`` has some 40 genes of its own. So
genes have slots and no dict. They do not inherit from neat-python's classes, which would add a
dict, but borrow their attributes and functions, so that neat-python's genome works with them.
"""

from __future__ import annotations

from typing import Any, Self

from neat.attributes import BoolAttribute, FloatAttribute
from neat.genes import BaseGene, DefaultConnectionGene, DefaultNodeGene

from neatfool.cppn.genome.markings import Edge, innovation_number

# Makes an object without calling its constructor.
_new: Any = object.__new__


class PolynomialFloat(FloatAttribute):  # type: ignore[misc]
    """A float with the index eta of polynomial mutation."""

    _config_items = {**FloatAttribute._config_items, "mutate_eta": [float, 15.0]}  # noqa: RUF012


class _Gene:
    """The methods that neat-python needs of any gene."""

    __slots__ = ()

    __lt__ = BaseGene.__lt__
    __str__ = BaseGene.__str__
    crossover = BaseGene.crossover
    init_attributes = BaseGene.init_attributes
    mutate = BaseGene.mutate
    get_config_params: Any = classmethod(BaseGene.get_config_params.__func__)
    validate_attributes: Any = classmethod(BaseGene.validate_attributes.__func__)

    def copy(self) -> Self:
        """Copy the gene."""
        raise NotImplementedError

    def having(self, name: str, value: object) -> Self:
        """Copy the gene with another value of an attribute."""
        gene = self.copy()
        setattr(gene, name, value)
        return gene


class NodeGene(_Gene):
    """A hidden or output node: ``activation(bias + response * aggregation(inputs))``.

    Attributes:
        key: Its id; outputs have 0, 1, …
        activation: The name of the activation.
        aggregation: The name of the aggregation.
        bias: The number added to the aggregate.
        response: The factor of the aggregate.
        time_constant: neat-python's; it does not affect an image.
    """

    __slots__ = ("activation", "aggregation", "bias", "key", "response", "time_constant")

    _gene_attributes = DefaultNodeGene._gene_attributes
    distance = DefaultNodeGene.distance

    key: int
    activation: str
    aggregation: str
    bias: float
    response: float
    time_constant: float

    def __init__(self, key: int) -> None:
        """Make a node without attributes, as neat-python does."""
        self.key = key

    @classmethod
    def make(  # noqa: PLR0917 - as `values` gives them
        cls,
        key: int,
        activation: str,
        aggregation: str = "sum",
        bias: float = 0.0,
        response: float = 1.0,
        time_constant: float = 1.0,
    ) -> Self:
        """Make a node with given attributes."""
        gene: Self = _new(cls)
        gene.key = key
        gene.activation, gene.aggregation = activation, aggregation
        gene.bias, gene.response, gene.time_constant = bias, response, time_constant
        return gene

    @property
    def values(self) -> tuple[int, str, str, float, float, float]:
        """The arguments of ``make``."""
        return (
            self.key,
            self.activation,
            self.aggregation,
            self.bias,
            self.response,
            self.time_constant,
        )

    def copy(self) -> Self:
        """Copy the gene."""
        gene: Self = _new(self.__class__)
        gene.key, gene.activation, gene.aggregation = self.key, self.activation, self.aggregation
        gene.bias, gene.response, gene.time_constant = self.bias, self.response, self.time_constant
        return gene


class ConnectionGene(_Gene):
    """A connection. Its innovation number follows from its key.

    Attributes:
        key: The nodes that it joins.
        weight: The factor of its input.
        enabled: Whether it counts.
    """

    __slots__ = ("enabled", "key", "weight")

    _gene_attributes = [PolynomialFloat("weight"), BoolAttribute("enabled")]  # noqa: RUF012
    distance = DefaultConnectionGene.distance

    key: Edge
    weight: float
    enabled: bool

    def __init__(self, key: Edge, innovation: int | None = None) -> None:
        """Make a connection without attributes, as neat-python does; ignore its innovation."""
        self.key = key

    @property
    def innovation(self) -> int:
        """The historical marking."""
        return innovation_number(*self.key)

    @classmethod
    def make(cls, key: Edge, weight: float, enabled: bool = True) -> Self:
        """Make a connection with given attributes."""
        gene: Self = _new(cls)
        gene.key = key
        gene.weight, gene.enabled = weight, enabled
        return gene

    @property
    def values(self) -> tuple[Edge, float, bool]:
        """The arguments of ``make``."""
        return self.key, self.weight, self.enabled

    def copy(self) -> Self:
        """Copy the gene."""
        return self.with_weight(self.weight)

    def with_weight(self, weight: float) -> Self:
        """Copy the gene with another weight."""
        gene: Self = _new(self.__class__)
        gene.key, gene.weight, gene.enabled = self.key, weight, self.enabled
        return gene
