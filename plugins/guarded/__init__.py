"""Target ``guarded``: another target, with a detector of the unfamiliar in front.

The modules: :mod:`.detectors` are the detectors, :mod:`.names` says what each looks at, and
:mod:`.pytorch_ood` takes those of that package. :mod:`.classifier` looks into a target for their
:mod:`.answers`, :mod:`.familiar` finds familiar images,
:mod:`.target` puts these together, and :mod:`.options` is what an experiment says of it. The
command ``neatfool detect``, in a package of its own, measures detectors with them.
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
