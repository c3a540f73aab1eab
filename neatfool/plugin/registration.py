"""Registrations: what plugins offer, made and adapted, by its kind and name."""

import inspect
from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from neatfool.errors import ExperimentError, PluginError, blaming
from neatfool.spec.encoding import Encoding
from neatfool.spec.engine import Engine
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scheme import Scheme
from neatfool.spec.target import Target
from neatfool.spec.view import View

Contract = TypeVar("Contract", bound=ABC)

ADAPTED_METHODS: Final = ("in_generation", "in_focus")
"""The methods that return another object of the kind, which is adapted, too."""


def missing_members(given: object, contract: type[ABC]) -> list[str]:
    """List the members without a default that an object lacks of a contract."""
    bare = {name for name in contract.__annotations__ if not hasattr(contract, name)}
    required = contract.__abstractmethods__ | bare
    return sorted(name for name in required if not hasattr(given, name))


def adapt(given: Any, contract: type[Contract], who: str = "") -> Contract:
    """Return a contract's instance: the object itself, or one with its members and the defaults."""
    kind, name = type(given), contract.__name__
    if isinstance(given, type):
        who = who or name.lower()
        raise PluginError(f"{who}: {given.__name__} is a class; give an object: {given.__name__}()")
    who = f"{who or name.lower()}: {kind.__name__}"
    if missing := missing_members(given, contract):
        fault = f"{who} lacks {', '.join(missing)}"
        raise PluginError(f"{fault}; give it what neatfool.{name} asks for")
    if "spec" in contract.__annotations__ and not isinstance(spec := given.spec, ImageSpec):
        raise PluginError(f"{who} has a {type(spec).__name__} as spec; give a neatfool.ImageSpec")
    if isinstance(given, contract):
        return given

    def member(name: str) -> property:
        def read(_: object) -> Any:
            value = getattr(given, name)
            if name not in ADAPTED_METHODS:
                return value
            return lambda *arguments: adapt(value(*arguments), contract)

        return property(read)

    # The names of its class are those of the object's, whose code a fingerprint reads.
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    public = {each for each in {*dir(given), *dir(contract)} if each[0] != "_"}
    members = {each: member(each) for each in public if hasattr(given, each)}
    metaclass: Any = type(contract)
    adapter = metaclass(kind.__name__, (contract,), {**names, **members})
    made: Contract = adapter()
    return made


def adapt_if_whole(given: Any, contract: type[Contract]) -> Any:
    """Adapt an object that lacks no member; return any other as it is."""
    return given if missing_members(given, contract) else adapt(given, contract)


RESERVED_KEYS: Final = {
    "target": (
        *("plugin", "batch_size", "precision", "threads", "graph", "nothing"),
        *("max_queries", "max_requests", "threshold", "logit_temperature"),
    ),
    "encoding": ("plugin",),
    "scheme": ("plugin",),
    "view": (),
    "model": (),
    "detector": (),
    "measure": (),
    "engine": ("plugin",),
}
"""The keys of a plugin's section that belong to the framework."""

CONTRACTS: Final = {
    "target": Target,
    "encoding": Encoding,
    "scheme": Scheme,
    "view": View,
    "engine": Engine,
}
"""What the factories of each kind make; those of observers make any object with hooks."""


class NoOptions(BaseModel, extra="forbid"):
    """The options of a plugin that has none."""


@dataclass(frozen=True)
class Registration:
    """Something of one of :data:`~neatfool.plugin.discovery.KINDS` that a plugin offers."""

    name: str
    kind: str
    factory: Callable[..., Any] | str
    """Makes it; or what to import for that, as ``"module:Name"``."""
    options: type[BaseModel]
    """The pydantic model of its options; without fields if it has none."""
    source: str
    """Its distribution, version and module, or its file."""

    @cached_property
    def maker(self) -> Callable[..., Any]:
        """The factory, imported."""
        if not isinstance(self.factory, str):
            return self.factory
        with blaming(self.label):
            try:
                found: Callable[..., Any] = resolve_name(self.factory)
            except ModuleNotFoundError as error:
                own = self.factory.startswith("neatfool_plugins.")
                remedy = f"pip install 'neatfool[{self.name}]'" if own else "install it"
                fault = f"the package {error.name} is not installed; {remedy}"
                raise ExperimentError(f"[{self.kind}] plugin = {self.name}: {fault}") from error
        return found

    @property
    def label(self) -> str:
        """Its kind, name and source, for messages."""
        return f"{self.kind} {self.name!r} ({self.source})"

    def make(self, *arguments: Any, **named: Any) -> Any:
        """Call the factory, and give an instance of the kind's contract."""
        factory = self.maker
        contract: type[Any] | None = CONTRACTS.get(self.kind)
        with blaming(self.label):
            made = factory(*arguments, **named)
            return made if contract is None else adapt(made, contract, self.label)

    def accepted_arguments(self, **offered: Any) -> dict[str, Any]:
        """Choose the arguments that the factory has a parameter for, or a base class of it."""
        return {name: value for name, value in offered.items() if self._takes(name)}

    def _takes(self, name: str) -> bool:
        maker, bases = self.maker, getattr(self.maker, "__mro__", ())
        # What a class takes with `**named`, it passes on to the next base class.
        for factory in (maker, *(base.__init__ for base in bases[1:-1])):
            try:
                parameters = inspect.signature(factory).parameters
            except ValueError:  # A type of Python's own tells none.
                return False
            if name in parameters:
                return True
            if all(each.kind is not each.VAR_KEYWORD for each in parameters.values()):
                return False
        return name == "target"
