"""Registrations: what plugins offer, made and checked, by its kind and name."""

import inspect
from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel

from neatfool.errors import ExperimentError, PluginError, blaming
from neatfool.spec.image_spec import ImageSpec

Contract = TypeVar("Contract", bound=ABC)


def check_contract(given: Any, contract: type[Contract], who: str = "") -> Contract:
    """Give an object back that inherits from a contract and has its attributes.

    Raises:
        PluginError: It does not; ``who`` made it.
    """
    name = f"neatfool.{contract.__name__}"
    who = f"{who or contract.__name__.lower()}: {type(given).__name__}"
    made: object = given
    if not isinstance(made, contract):
        raise PluginError(f"{who} is no {name}; make an object whose class inherits from it")
    asked = contract.__annotations__
    if missing := ", ".join(sorted(each for each in asked if not hasattr(made, each))):
        raise PluginError(f"{who} lacks {missing}; give it what {name} asks for")
    if "spec" in asked and not isinstance(given.spec, ImageSpec):
        kind = type(given.spec).__name__
        raise PluginError(f"{who} has a {kind} as spec; give a neatfool.ImageSpec")
    return made


RESERVED_KEYS: Final = {
    "target": (
        *("plugin", "batch_size", "precision", "threads", "graph", "nothing"),
        *("max_queries", "max_requests", "threshold", "logit_temperature"),
    ),
    "encoding": ("plugin",),
    "scheme": ("plugin",),
    "engine": ("plugin",),
}
"""The keys of a plugin's section that belong to the framework."""

CONTRACTS: Final = {
    "target": "neatfool.spec.target:Target",
    "encoding": "neatfool.spec.encoding:Encoding",
    "scheme": "neatfool.spec.scheme:Scheme",
    "view": "neatfool.spec.view:View",
    "engine": "neatfool.spec.engine:Engine",
}
"""What the factories of each kind make, imported when one is made; those of observers make any
object with hooks."""


def contract_of(kind: str) -> type[Any] | None:
    """Give the class that what a kind's factories make inherits from, if there is one."""
    name = CONTRACTS.get(kind)
    return cast("type[Any]", resolve_name(name)) if name else None


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

    @property
    def section(self) -> str:
        """The section of an experiment that has its options."""
        return self.name if self.kind == "observer" else self.kind

    def make(self, *arguments: Any, **named: Any) -> Any:
        """Call the factory, and give an instance of the kind's contract."""
        factory = self.maker
        contract = contract_of(self.kind)
        with blaming(self.label):
            made = factory(*arguments, **named)
            return made if contract is None else check_contract(made, contract, self.label)

    def accepted_arguments(self, **offered: Any) -> dict[str, Any]:
        """Choose what the factory has a parameter for; ``**named`` takes a target, too."""
        try:
            parameters = inspect.signature(self.maker).parameters
        except ValueError:  # a type of Python's own tells none
            return {}
        passes_on = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        return {
            name: value
            for name, value in offered.items()
            if name in parameters or (passes_on and name == "target")
        }
