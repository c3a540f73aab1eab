"""Target ``guarded``: another target, with an out-of-distribution (OOD) detector in front.

The modules: :mod:`.target` is what is fooled, and :mod:`.options` what an experiment says of it.
:mod:`neatfool.ood` has the detectors; ``neatfool detect`` measures them.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options"]


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("guarded", f"{__name__}.target:Guarded.from_options", options=Options)
