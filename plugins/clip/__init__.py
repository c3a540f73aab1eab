"""Target ``clip``: a network that compares images with texts, so that classes are texts.

The modules: :mod:`.options` is what an experiment says of it. :mod:`.texts` has the texts' vectors,
and checks them on photographs; :mod:`.target` compares images with them and is what is fooled.
:mod:`neatfool.models` loads the network that looks at images.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options"]


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("clip", f"{__name__}.target:ClipTarget", options=Options)
