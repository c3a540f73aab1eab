"""Engine ``dask``: workers in other processes of this machine, or of a cluster of any kind.

:mod:`.options` is what an experiment says of it. The :mod:`.engine` opens the cluster in a thread
of its own, where the :mod:`.crew` gives parts to workers, and goes on without those that fail. The
:mod:`.worker` is what runs in a worker's process, and :mod:`.quiet` keeps Ctrl-C from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import ExperimentError, hookimpl

from .options import Options

if TYPE_CHECKING:
    from .engine import DaskEngine

__all__ = ["Options"]


def _engine(options: Options) -> DaskEngine:
    try:
        from .engine import DaskEngine
    except ModuleNotFoundError as error:
        raise ExperimentError(
            f"[engine] plugin = dask: the package {error.name} is not installed; "
            "pip install 'neatfool[dask]'"
        ) from error
    return DaskEngine(options)


@hookimpl
def neatfool_register_engines(register: Any) -> None:
    """Offer the engine."""
    register("dask", _engine, options=Options)
