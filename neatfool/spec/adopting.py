"""Plugins' objects that have a contract's members, but do not inherit from its class."""

from abc import ABC
from collections.abc import Callable
from functools import wraps
from types import new_class
from typing import Any, Final, TypeVar

from neatfool.errors import PluginError
from neatfool.spec.image_spec import ImageSpec

Contract = TypeVar("Contract", bound=ABC)

GIVE_THEIR_KIND: Final = ("in_generation", "in_focus")
"""The methods that give another object of the kind, which is adopted, too."""


def lacking(given: object, contract: type[ABC]) -> list[str]:
    """List the members without a default that an object lacks of a contract."""
    bare = {name for name in contract.__annotations__ if not hasattr(contract, name)}
    required = contract.__abstractmethods__ | bare
    return sorted(name for name in required if not hasattr(given, name))


def adopt(given: Any, contract: type[Contract], who: str = "") -> Contract:
    """Give a contract's instance: itself, or a twin of another object that has its members."""
    kind, name = type(given), contract.__name__
    if isinstance(given, type):
        who = who or name.lower()
        raise PluginError(f"{who}: {given.__name__} is a class; give an object: {given.__name__}()")
    who = f"{who or name.lower()}: {kind.__name__}"
    if lacks := lacking(given, contract):
        raise PluginError(f"{who} lacks {', '.join(lacks)}; give it what neatfool.{name} asks for")
    if "spec" in contract.__annotations__ and not isinstance(spec := given.spec, ImageSpec):
        raise PluginError(f"{who} has a {type(spec).__name__} as spec; give a neatfool.ImageSpec")
    if isinstance(given, contract):
        return given
    members: dict[str, object] = {
        each: _adopting(getattr(kind, each), contract)
        for each in GIVE_THEIR_KIND
        if hasattr(kind, each)
    }
    # The class keeps the object alive, which may free at its end what both use.
    members |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "_twin": given}
    try:
        both: Any = new_class(
            kind.__name__, (kind, contract), exec_body=lambda namespace: namespace.update(members)
        )
        # An abstract method may be an attribute of the object.
        both.__abstractmethods__ = frozenset()
        twin: Contract = object.__new__(both)
        # Also where the object is frozen.
        object.__setattr__(twin, "__dict__", given.__dict__)
    except (TypeError, AttributeError) as error:
        raise PluginError(f"{who}: let it inherit from neatfool.{name}; {error}") from error
    return twin


def adopt_if_whole(given: Any, contract: type[Contract]) -> Any:
    """Adopt an object that lacks no member; give back any other as it is."""
    return given if lacking(given, contract) else adopt(given, contract)


def _adopting(method: Callable[..., object], contract: type[Contract]) -> Callable[..., Contract]:
    @wraps(method)
    def adopting(*arguments: Any) -> Contract:
        return adopt(method(*arguments), contract)

    return adopting
