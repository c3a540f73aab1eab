"""Engine ``dask``: workers in other processes of this machine, or of a cluster of any kind.

:mod:`.options` is what an experiment says of it. The :mod:`.engine` opens the cluster in a thread
of its own, where the :mod:`.crew` gives parts to workers, and goes on without those that fail. The
:mod:`.worker` is what runs in a worker's process, and :mod:`.quiet` keeps Ctrl-C from it.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options"]


@hookimpl
def neatfool_register_engines(register: Any) -> None:
    """Offer the engine."""
    register("dask", f"{__name__}.engine:DaskEngine", options=Options)
