"""Target ``imagenet``: networks that were trained on ImageNet, alone or several together.

The modules: :mod:`.options` is what an experiment says of it. :mod:`.labels` names its classes and
says what photographs show, and :mod:`.target` is what is fooled, with the ten crops and the mean of
several answers. :mod:`neatfool.models` loads the networks.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options"]


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("imagenet", f"{__name__}.target:ImageNetTarget", options=Options)
