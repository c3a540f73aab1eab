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

    values: Any
    """The arguments of the constructor."""

    def copy(self) -> Self:
        """Copy the gene."""
        return self.__class__(*self.values)

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

    def __init__(  # noqa: PLR0917 - as `values` gives them
        self,
        key: int,
        activation: str = "",
        aggregation: str = "sum",
        bias: float = 0.0,
        response: float = 1.0,
        time_constant: float = 1.0,
    ) -> None:
        """Make a node; neat-python gives it attributes afterwards."""
        self.key = key
        self.activation, self.aggregation = activation, aggregation
        self.bias, self.response, self.time_constant = bias, response, time_constant

    @property
    def values(self) -> tuple[int, str, str, float, float, float]:
        """The arguments of the constructor."""
        numbers = self.bias, self.response, self.time_constant
        return self.key, self.activation, self.aggregation, *numbers


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

    def __init__(
        self,
        key: Edge,
        weight: float = 0.0,
        enabled: bool = True,
        *,
        innovation: int | None = None,
    ) -> None:
        """Make a connection, and ignore its innovation, which follows from the key."""
        self.key = key
        self.weight, self.enabled = weight, enabled

    @property
    def innovation(self) -> int:
        """The historical marking."""
        return innovation_number(*self.key)

    @property
    def values(self) -> tuple[Edge, float, bool]:
        """The arguments of the constructor."""
        return self.key, self.weight, self.enabled
