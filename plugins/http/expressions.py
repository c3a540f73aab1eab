"""Where an answer has something: JMESPath, with a few functions more."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature

from neatfool import nearest

from .answers import RefusedError
from .texts import give_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")


def _takes(kind: str) -> Callable[[FunctionT], FunctionT]:
    """Mark a function of expressions with the kind of JSON that it takes."""
    return cast("Callable[[FunctionT], FunctionT]", signature({"types": [kind]}))


class MoreFunctions(Functions):  # type: ignore[misc]  # jmespath has no types
    """What an expression may call, beside JMESPath's own functions."""

    def __init__(self, classes: Sequence[str] = ()) -> None:
        """Prepare to tell classes by their letters."""
        self._lettered = give_letters(classes)

    @_takes("object")
    def _func_items(self, value: dict[str, Any]) -> list[list[Any]]:
        """Make of an object the list of its pairs: [name, value]."""
        return [[*pair] for pair in value.items()]

    @_takes("string")
    def _func_from_json(self, text: str) -> Any:
        """Read the JSON that a text is."""
        return json.loads(text)

    @_takes("number")
    def _func_exp(self, number: float) -> float:
        """Make a probability of its natural logarithm."""
        return math.exp(number)

    @_takes("string")
    def _func_class_of(self, letter: str) -> str | None:
        """Find the class of a letter, as ``{classes}`` in the body lists them; null if none."""
        return self._lettered.get(letter.strip())


class Expression:
    """Says where an answer has something."""

    def __init__(self, text: str, classes: Sequence[str] = ()) -> None:
        """Prepare to search; ``class_of`` tells classes by their letters."""
        self._compiled = jmespath.compile(text)
        self._options = jmespath.Options(custom_functions=MoreFunctions(classes))

    def find(self, answer: Any) -> Any:
        """Find what is there; None if nothing is.

        Raises:
            RefusedError: The answer is not of the form that the expression expects.
        """
        try:
            return self._compiled.search(answer, self._options)
        except (JMESPathError, RecursionError, TypeError, ValueError, OverflowError):
            raise RefusedError("not of the form that the expressions expect") from None


def check_expression(text: str) -> None:
    """Check an expression.

    Raises:
        ValueError: It is none, or calls a function that there is not.
    """
    try:
        nodes = list(_list_nodes(text))
    except JMESPathError as error:
        cause = " ".join(str(error).split())
        raise ValueError(f"{text!r} is no JMESPath expression: {cause}") from None
    known = MoreFunctions.FUNCTION_TABLE
    for name in (node["value"] for node in nodes if node["type"] == "function_expression"):
        if name not in known:
            raise ValueError(f"{text!r}: there is no function {name}(){nearest(name, known)}")


def skips_null(text: str) -> bool:
    """Say whether an expression may skip what is null, so that lists no longer go together."""
    return any(
        "projection" in node["type"] or node["type"] == "flatten" for node in _list_nodes(text)
    )


def _list_nodes(text: str) -> Iterator[dict[str, Any]]:
    """List the parts of an expression."""
    nodes = [jmespath.compile(text).parsed]
    while nodes:
        node = nodes.pop()
        yield node
        nodes += [child for child in node["children"] if isinstance(child, dict)]
