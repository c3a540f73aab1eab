"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

This is the paper's other way to make fooling images, which needs the network itself. For each class
an image starts as noise around a grey level. Each step follows the direction in which the class's
confidence grows fastest, and gives an image that is scored like any other.

The modules: :mod:`.ascent` is one class's climb, and takes a step; :mod:`.scheme` runs many climbs
at once, and :mod:`.options` holds the presets.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options", "neatfool_register_schemes"]


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("gradient", f"{__name__}.scheme:Gradient", options=Options)
