"""Plugins' objects that have a contract's members, but do not inherit from its class."""

from __future__ import annotations

from abc import ABC, ABCMeta
from typing import Any, Final, TypeVar

from neatfool.errors import PluginError

Contract = TypeVar("Contract", bound=ABC)

GIVE_THEIR_KIND: Final = ("in_generation", "sharp")
"""The methods that give another object of the kind, which is adopted, too."""


def lacking(given: object, contract: type[ABC]) -> list[str]:
    """List the members without a default that an object lacks of a contract."""
    bare = {name for name in contract.__annotations__ if not hasattr(contract, name)}
    required = contract.__abstractmethods__ | bare
    return sorted(name for name in required if not hasattr(given, name))


def adopt(given: object, contract: type[Contract], who: str = "") -> Contract:
    """Make an object an instance of a contract's class, so that it has the class's defaults.

    Args:
        given: An instance, which is given back as it is; or any object with the members that have
            no default. All its public members become those of the instance.
        contract: A base class such as :class:`neatfool.Target`.
        who: What it is, for messages; its class if absent.

    Raises:
        PluginError: It lacks a member.
    """
    kind, name = type(given), contract.__name__
    if lacks := lacking(given, contract):
        raise PluginError(
            f"{who or name.lower()}: {kind.__name__} lacks {', '.join(lacks)}; give it what "
            f"neatfool.{name} asks for"
        )
    if isinstance(given, contract):
        return given
    members = {each: _member(given, each, contract) for each in dir(given) if each[0] != "_"}
    place = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    adopted: Any = ABCMeta(kind.__name__, (contract,), {**place, **members})
    made: Contract = adopted()
    return made


def adopt_if_whole(given: Any, contract: type[Contract]) -> Any:
    """Adopt an object that lacks no member; give back any other as it is."""
    return given if lacking(given, contract) else adopt(given, contract)


def _member(given: object, name: str, contract: type[Contract]) -> property:
    def adopting(*arguments: Any) -> Contract:
        return adopt(getattr(given, name)(*arguments), contract)

    if name in GIVE_THEIR_KIND:
        return property(lambda _: adopting)
    return property(lambda _: getattr(given, name))
