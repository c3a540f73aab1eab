"""The genes of a CPPN: neat-python's, made small, with markings that follow from content.

Memory limits the speed of breeding: a child of the preset ``neat`` has some 40 genes of its own. So
genes have slots and no dict. They do not inherit from neat-python's classes, which would add a
dict, but borrow their attributes and functions, so that neat-python's genome works with them.

neat-python counts nodes and innovations. So a number depends on the order of breeding, and two
genomes that split the same connection get two node ids. Here an innovation number is a hash of the
connection, and a new node's id is a hash of the connection that it splits. So equal mutations have
equal markings in any process, and there is no counter to store.
"""

from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

import numpy as np
from neat.attributes import BoolAttribute, FloatAttribute
from neat.genes import BaseGene, DefaultConnectionGene, DefaultNodeGene

Edge = tuple[int, int]
"""The key of a connection: the node it comes from (an input if negative) and the one it goes to."""

# The kinds of markings.
INITIAL: Final = 0
SPLIT: Final = 1
GRAFT: Final = 2
CONNECTION: Final = 3
PICBREEDER: Final = 4

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR: Final = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
SPARE_BITS: Final = np.uint64(12)
"""The bits of a hash that a marking leaves out, so that a double holds it exactly."""


def scramble(words: tuple[Any, ...]) -> Any:
    """Hash words by SplitMix64; of one word, it is the first output for that seed.

    Breeding compiles this function. Here it runs as it is.

    Args:
        words: Of the type uint64, or arrays of it.
    """
    hashed = np.uint64(0)
    for word in words:
        hashed = hashed + word + STEP
        hashed = (hashed ^ (hashed >> _30)) * _FIRST_FACTOR
        hashed = (hashed ^ (hashed >> _27)) * _SECOND_FACTOR
        hashed = hashed ^ (hashed >> _31)
    return hashed


@lru_cache(maxsize=1 << 16)
@np.errstate(over="ignore")
def marking(kind: int, first: int = 0, second: int = 0, again: int = 0) -> int:
    """Make a marking from a kind and numbers: an integer in [0, 2**52), equal on every machine."""
    words = tuple(np.uint64(number % 2**64) for number in (kind, first, second, again))
    return int(scramble(words) >> SPARE_BITS)


def innovation_number(source: int, target: int) -> int:
    """Give the historical marking of a connection, in [0, 2**52)."""
    return marking(CONNECTION, source, target)


def split_key(edge: Edge, taken: Container[int]) -> int:
    """Give the id of the node that splits a connection: the first of its ids that is not taken.

    All genomes that split it for the first time get the same id; so for the second time, and so on.
    """
    return first_free(SPLIT, *edge, taken=taken)


def first_free(kind: int, first: int = 0, second: int = 0, *, taken: Container[int]) -> int:
    """Give the first of the ids of a kind and numbers that is not taken."""
    again = 0
    while (key := marking(kind, first, second, again)) in taken:
        again += 1
    return key


class Innovations:
    """Gives neat-python its markings; it has no state."""

    def get_innovation_number(
        self, input_node: int, output_node: int, mutation_type: str = "add_connection"
    ) -> int:
        """Give a connection's marking, whatever the type of mutation."""
        return innovation_number(input_node, output_node)


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


@dataclass(slots=True, eq=False)
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

    _gene_attributes = DefaultNodeGene._gene_attributes
    distance = DefaultNodeGene.distance

    key: int
    activation: str = ""
    aggregation: str = "sum"
    bias: float = 0.0
    response: float = 1.0
    time_constant: float = 1.0

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
