"""Views: what happens to an image between the file and the eye of a classifier.

The modules: :mod:`.kind` is what they share, :mod:`.sampling` the arithmetic of pixels.
:mod:`.geometry` moves, turns and scales, :mod:`.light` changes brightness, :mod:`.detail` blurs and
compresses, and :mod:`.media` is a screen or a print, seen by a camera.

Edges are mirrored, as if the picture went on. Randomness, the direction of a move say, comes from
the image's seed alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    from neatfool import Register


@hookimpl
def neatfool_register_views(register: Register) -> None:
    """Register all views."""
    from . import detail, geometry, light, media

    for name, view in {
        "move": geometry.Move,
        "turn": geometry.Turn,
        "scale": geometry.Scale,
        "perspective": geometry.Perspective,
        "crops": geometry.Crops,
        "size": geometry.Size,
        "light": light.Light,
        "contrast": light.Contrast,
        "gamma": light.Gamma,
        "blur": detail.Blur,
        "sharpen": detail.Sharpen,
        "noise": detail.Noise,
        "jpeg": detail.Jpeg,
        "screen": media.Screen,
        "print": media.Print,
    }.items():
        register(name, view)
