"""Historical markings that follow from content.

neat-python counts nodes and innovations. So a number depends on the order of breeding, and two
genomes that split the same connection get two node ids. Here an innovation number is a hash of the
connection, and a new node's id is a hash of the connection that it splits. So equal mutations have
equal markings in any process, and there is no counter to store.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

Edge = tuple[int, int]
"""The key of a connection: the node it comes from (an input if negative) and the one it goes to."""


@lru_cache(maxsize=1 << 16)
def marking(kind: str, *numbers: int) -> int:
    """Make a marking from a kind and numbers: an integer in [0, 2**52), equal on every machine.

    A double holds it exactly.
    """
    text = " ".join([kind, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 12


def innovation_number(source: int, target: int) -> int:
    """Give the historical marking of a connection, in [0, 2**52)."""
    return marking("connection", source, target)


def split_key(edge: Edge, taken: Container[int]) -> int:
    """Give the id of the node that splits a connection: the first of its ids that is not taken.

    All genomes that split it for the first time get the same id; so for the second time, and so on.
    """
    return first_free("split", *edge, taken=taken)


def first_free(kind: str, *numbers: int, taken: Container[int]) -> int:
    """Give the first of the ids of a kind and numbers that is not taken."""
    n = 0
    while (key := marking(kind, *numbers, n)) in taken:
        n += 1
    return key


class Innovations:
    """Gives neat-python its markings; it has no state."""

    def get_innovation_number(
        self, input_node: int, output_node: int, mutation_type: str = "add_connection"
    ) -> int:
        """Give a connection's marking, whatever the type of mutation."""
        return innovation_number(input_node, output_node)

    def get_node_split(self, input_node: int, output_node: int, new_key: int) -> int:
        """Give the id of the node that splits a connection for the first time."""
        return split_key((input_node, output_node), ())

    def reset_generation(self) -> None:
        """Do nothing: markings hold for all generations."""
