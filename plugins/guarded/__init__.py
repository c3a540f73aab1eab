"""Target ``guarded``: another target, with an out-of-distribution (OOD) detector in front.

The modules: :mod:`.target` is what is fooled, and :mod:`.options` what an experiment says of it.
:mod:`neatfool.ood` has the detectors; ``neatfool detect`` measures them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

from .options import Options

if TYPE_CHECKING:
    from .target import Guarded

__all__ = ["Options"]


def _target(options: Options) -> Guarded:
    from .target import Guarded

    return Guarded.from_options(options)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("guarded", _target, options=Options)
