"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

This is the paper's other way to make fooling images, which needs the network itself. For each class
an image starts as noise around a grey level. Each step follows the direction in which the class's
confidence grows fastest, and gives an image that is scored like any other.

The modules: :mod:`.ascent` is one class's climb, and takes a step; :mod:`.scheme` runs many climbs
at once, and :mod:`.options` holds the presets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

from .options import Options

if TYPE_CHECKING:
    from neatfool import Encoding, ImageSpec, Target

    from .scheme import Gradient

__all__ = ["Options", "neatfool_register_schemes"]


def _scheme(
    options: Options, *, encoding: Encoding[Any], spec: ImageSpec, seed: int, target: Target
) -> Gradient:
    from .scheme import Gradient

    return Gradient(options, encoding=encoding, spec=spec, seed=seed, target=target)


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("gradient", _scheme, options=Options)
