"""The hooks: where a plugin joins in.

A plugin is a module (or any object) with functions marked by :data:`neatfool.hookimpl`. It
implements the hooks it needs and leaves the others out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from pydantic import BaseModel

    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome
    from neatfool.spec.candidate import Replacement

hookspec = pluggy.HookspecMarker("neatfool")
hookimpl = pluggy.HookimplMarker("neatfool")
"""Marks a function of a plugin as the implementation of the hook of its name."""


class Register(Protocol):
    """What a ``neatfool_register_...`` hook is given to call, once for each thing it offers."""

    def __call__(
        self, name: str, factory: Callable[..., Any], *, options: type[BaseModel] | None = None
    ) -> None:
        """Offer something under a name.

        Args:
            name: The name that an experiment picks it by: ``plugin = name``.
            factory: Called with the validated options, and with what its kind gets beside them
                (see :class:`neatfool.Target`, :class:`neatfool.Encoding` and
                :class:`neatfool.Scheme`).
            options: The pydantic model of the section's other keys; none are taken if absent. A
                field that is itself a model is read from a section of its own, named by the
                field's alias or name.
        """
        ...


@hookspec
def neatfool_register_targets(register: Register) -> None:
    """Offer targets: ``factory(options)`` gives a :class:`neatfool.Target`."""


@hookspec
def neatfool_register_encodings(register: Register) -> None:
    """Offer encodings: ``factory(options, spec=spec)`` gives a :class:`neatfool.Encoding`."""


@hookspec
def neatfool_register_schemes(register: Register) -> None:
    """Offer schemes.

    ``factory(options, encoding=encoding, spec=spec, seed=seed)`` gives a
    :class:`neatfool.Scheme`.
    """


@dataclass
class HttpRequest:
    """A request as it is about to be sent, for a plugin to sign.

    Attributes:
        method: Of HTTP: ``"POST"``.
        url: The whole address. A signature may be added to its query.
        headers: By their names in small letters. A signature may be added.
        body: The bytes of the body; changing them changes nothing.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@hookspec
def neatfool_sign_request(request: HttpRequest) -> None:
    """Sign a request of a target, just before it is sent; one that is sent again is signed anew.

    A target joins in by a factory that has a parameter ``sign``: where plugins with this hook are
    loaded, it is given a function that calls them all with a :class:`neatfool.HttpRequest`. It may
    be called by several threads at once. The target ``http`` does so.
    """


@hookspec
def neatfool_run_started(run: Run) -> None:
    """A run has begun or was resumed; nothing of this session is scored yet."""


@hookspec
def neatfool_generation_done(run: Run, report: GenerationReport) -> None:
    """A generation is done, and recorded at the next checkpoint."""


@hookspec
def neatfool_elite_replaced(run: Run, replacement: Replacement) -> None:
    """An elite gave its niche up to a better candidate (once for each such niche)."""


@hookspec
def neatfool_run_finished(run: Run, outcome: Outcome) -> None:
    """The run has ended, was interrupted, or failed; its images are written."""


@hookspec
def neatfool_add_commands(cli: click.Group) -> None:
    """Add commands to the ``neatfool`` command."""
