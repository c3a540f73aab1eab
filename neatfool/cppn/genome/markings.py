"""Historical markings that follow from content.

neat-python numbers nodes and innovations with counters, so a number depends on the order in which
a population was bred, and two genomes that split the same connection get two node ids. Here an
innovation number is a hash of the connection, and a new node's id a hash of the connection that
it splits: equal mutations are marked alike in any process, and there is nothing to keep or to
restore.
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
    """Make a number from what it marks.

    Args:
        kind: What is marked.
        numbers: Which one.

    Returns:
        An integer in [0, 2**52), which a double holds exactly; equal on every machine.
    """
    text = " ".join([kind, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 12


def innovation_number(source: int, target: int) -> int:
    """Give the historical marking of a connection, in [0, 2**52)."""
    return marking("connection", source, target)


def split_key(edge: Edge, taken: Container[int]) -> int:
    """Give the id of the node that splits a connection.

    Args:
        edge: The connection.
        taken: The ids of the genome's nodes, outputs included.

    Returns:
        The first of the connection's ids that is not taken: the same in all genomes that split it
        for the first time, and so on.
    """
    return first_free("split", *edge, taken=taken)


def first_free(kind: str, *numbers: int, taken: Container[int]) -> int:
    """Give the first of the ids of a kind and numbers that is not taken."""
    n = 0
    while (key := marking(kind, *numbers, n)) in taken:
        n += 1
    return key


class Innovations:
    """What neat-python asks for markings; it remembers nothing."""

    def get_innovation_number(
        self, input_node: int, output_node: int, mutation_type: str = "add_connection"
    ) -> int:
        """Give a connection's marking, however the connection came about."""
        return innovation_number(input_node, output_node)

    def get_node_split(self, input_node: int, output_node: int, new_key: int) -> int:
        """Give the id of the node that splits a connection for the first time."""
        return split_key((input_node, output_node), ())

    def reset_generation(self) -> None:
        """Do nothing: a marking is good for all generations."""
