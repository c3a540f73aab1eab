"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

The paper's other way to fooling images, which needs a look into the network: an image for each
class begins as noise around a grey level and takes step after step in the direction in which the
class's confidence grows fastest. Each step is an image that is scored like any other.

The modules: :mod:`.ascent` takes a step, :mod:`.climb` knows one class's way, :mod:`.scheme` goes
many of them at once, and :mod:`.options` holds the presets.
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
    """Offer the scheme."""
    register("gradient", _scheme, options=Options)
