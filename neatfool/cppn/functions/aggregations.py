"""Aggregations: how a node joins its weighted inputs, as neat-python defines them.

``sum`` and ``mean`` are weighted sums. The others are written here once, as functions of terms. A
term is a value and, if a picture has a band limit, its derivatives: numbers, tensors, or values of
a :class:`~neatfool.cppn.functions.recording.Recorder`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from neatfool.cppn.functions.recording import Trace

Term: TypeAlias = Sequence[Any]

WEIGHTED_SUMS: Final = ("sum", "mean")
"""The aggregations that are a sum of weighted inputs, perhaps times a factor."""


def _multiply(_: Any, a: Term, b: Term) -> Term:
    return a[0] * b[0], *(x * b[0] + a[0] * y for x, y in zip(a[1:], b[1:], strict=True))


def _choose(xp: Any, larger: Any, smaller: Any, first: Term, second: Term) -> Term:
    """Give the first term where one number is larger than another, else the second."""
    pairs = zip(first, second, strict=True)
    return tuple(xp.choose(larger, smaller, one, other) for one, other in pairs)


JOINS: Final[Mapping[str, Callable[[Any, Term, Term], Term]]] = MappingProxyType(
    {
        "product": _multiply,
        "max": lambda xp, a, b: _choose(xp, b[0], a[0], b, a),
        "min": lambda xp, a, b: _choose(xp, a[0], b[0], b, a),
        "maxabs": lambda xp, a, b: _choose(xp, abs(b[0]), abs(a[0]), b, a),
    }
)
"""Each joins two terms; what is chosen keeps its derivatives, and of equal ones it is the first.
``xp.choose(a, b, c, d)`` gives c where a > b, else d."""


def record_join(name: str) -> Any:
    """Record one of ``JOINS``: a formula of two terms with their derivatives."""
    trace = Trace(6)
    return trace.formula(JOINS[name](trace, trace.given[:3], trace.given[3:]))


def aggregate(xp: Any, name: str, terms: Sequence[Term]) -> Term:
    """Join the terms of a node, at least one, by an aggregation that is no weighted sum."""
    if name != "median":
        return reduce(partial(JOINS[name], xp), terms)
    order = [*terms]
    for end in range(len(order) - 1, 0, -1):
        for place in range(end):
            a, b = order[place : place + 2]
            order[place] = _choose(xp, a[0], b[0], b, a)
            order[place + 1] = _choose(xp, a[0], b[0], a, b)
    middle = order[(len(order) - 1) // 2 : len(order) // 2 + 1]
    return tuple(sum(each) * (1 / len(middle)) for each in zip(*middle, strict=True))


AGGREGATIONS: tuple[str, ...] = (*WEIGHTED_SUMS, *JOINS, "median")
"""All aggregations that a genome may name; compiled code numbers them."""

SUM, MEAN, PRODUCT, MAX, MIN, MAXABS, MEDIAN = range(len(AGGREGATIONS))
