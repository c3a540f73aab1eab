"""The hooks that a plugin can implement.

A plugin is a module (or any object) with functions marked by :data:`neatfool.hookimpl`. It
implements the hooks that it needs, and leaves out the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click
    import networkx as nx
    from pydantic import BaseModel

    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome
    from neatfool.spec.archive import Replacement

hookspec = pluggy.HookspecMarker("neatfool")
hookimpl = pluggy.HookimplMarker("neatfool")
"""Marks a plugin's function as the implementation of the hook with its name."""


class Register(Protocol):
    """The function that a ``neatfool_register_...`` hook calls, once for each thing it offers."""

    def __call__(
        self,
        name: str,
        factory: Callable[..., Any] | str,
        *,
        options: type[BaseModel] | None = None,
    ) -> None:
        """Offer something under a name.

        Args:
            name: The name that an experiment picks it by: ``plugin = name``.
            factory: Called with the validated options, and with the arguments of its kind (see
                :class:`neatfool.Target`, :class:`neatfool.Encoding`, :class:`neatfool.Scheme`,
                :class:`neatfool.View`, :class:`neatfool.Engine`); an observer's gives an object
                that has hooks. Or its name as ``"module:Name"``, which is imported when it is
                called: a plugin is imported to be listed, and should not import torch for that.
            options: The pydantic model of the section's other keys; if absent, there are none. A
                field that is itself a model has a section of its own, named by the field's alias
                or name.
        """
        ...


class RegisterActivation(Protocol):
    """The function that ``neatfool_register_activations`` calls, once for each activation."""

    def __call__(
        self,
        name: str,
        formula: Callable[[Any, Any], Any],
        *,
        mean: Callable[[Any, Any, Any], Any] | None = None,
        colour: str = "#b0642f",
        reach: float = 2.0,
    ) -> None:
        """Offer an activation; the arguments are those of :func:`neatfool.cppn.add_activation`."""
        ...


@hookspec(historic=True)
def neatfool_register_targets(register: Register) -> None:
    """Offer targets: ``factory(options)`` gives a :class:`neatfool.Target`."""


@hookspec(historic=True)
def neatfool_register_encodings(register: Register) -> None:
    """Offer encodings: ``factory(options, spec=spec)`` gives a :class:`neatfool.Encoding`."""


@hookspec(historic=True)
def neatfool_register_schemes(register: Register) -> None:
    """Offer schemes: ``factory(options, encoding=…, spec=…, seed=…)`` makes one."""


@hookspec(historic=True)
def neatfool_register_views(register: Register) -> None:
    """Offer views: ``factory(options)`` gives a :class:`neatfool.View`; there are no options."""


@hookspec(historic=True)
def neatfool_register_models(register: Register) -> None:
    """Offer kinds of models: ``factory()`` gives a :class:`neatfool.models.ClassifierFormat`.

    Or a :class:`neatfool.models.TowerFormat`, or what is both. The name is the word before the
    colon of a model's name. There are no options.
    """


@hookspec(historic=True)
def neatfool_register_detectors(register: Register) -> None:
    """Offer OOD detectors: ``factory()`` gives a :class:`neatfool.ood.Detector`.

    A factory with a parameter ``name`` offers several: it gets what follows the registered name and
    a colon. There are no options.
    """


@hookspec(historic=True)
def neatfool_register_measures(register: Register) -> None:
    """Offer measures: functions of runs that return a :class:`neatfool.present.Finding`.

    The first parameter takes the runs, the others are options by their keywords. Each has a type
    and a description in the section ``Args`` of the docstring, of which the command is made
    (:func:`neatfool.present.make_measure_command`). There are no options in an experiment.
    """


@hookspec(historic=True)
def neatfool_register_activations(register: RegisterActivation) -> None:
    """Offer activations of CPPNs: ``register("ripple", lambda xp, z: xp.sin(z))``.

    An experiment uses one by its name, in ``[DefaultGenome] activation_options``.
    """


@hookspec(historic=True)
def neatfool_register_observers(register: Register) -> None:
    """Offer an observer with options, in the section of its name: ``factory(options)``."""


@hookspec(historic=True)
def neatfool_register_engines(register: Register) -> None:
    """Offer engines: ``factory(options)`` gives a :class:`neatfool.Engine`."""


@hookspec
def neatfool_run_started(run: Run) -> None:
    """A run begins or resumes; this session has scored nothing yet."""


@hookspec
def neatfool_generation_done(run: Run, report: GenerationReport) -> None:
    """A generation is done. The next checkpoint records it."""


@hookspec
def neatfool_elite_replaced(run: Run, replacement: Replacement) -> None:
    """A better candidate took a niche. Called once for each niche."""


@hookspec
def neatfool_run_finished(run: Run, outcome: Outcome) -> None:
    """The run finished, was interrupted, or failed. Its images are written."""


@hookspec
def neatfool_add_commands(cli: click.Group) -> None:
    """Add commands to the ``neatfool`` command."""


@hookspec(firstresult=True)
def neatfool_write_report(run: Run, path: Path) -> Path | None:
    """Write a run's page, and give its file. Only the plugin ``command.report`` is asked."""


@hookspec
def neatfool_report_blocks(run: Run, phylogeny: nx.DiGraph) -> Iterable[Any]:
    """Add to a run's report: blocks of :mod:`neatfool.present`, of which a section begins a part.

    Headlines stand above the gallery. Installed measures are asked. ``phylogeny`` is the run's
    :meth:`~neatfool.Run.phylogeny`, without the kinds.
    """
    return ()
