"""Views (augmentations): what happens to an image between the file and the eye of a classifier.

The modules: :mod:`.geometry` is what they share, and moves, turns and scales; :mod:`.photometry`
changes brightness and detail, or shows an image on a screen or a print, seen by a camera.

Edges are mirrored, as if the picture went on. Randomness, the direction of a move say, comes from
the image's seed alone.
"""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_views(register: Register) -> None:
    """Register all views: each has the name of its class, in small letters."""
    from . import geometry, photometry

    for module in (geometry, photometry):
        for name, view in vars(module).items():
            if isinstance(view, type) and "what" in vars(view):
                register(name.lower(), view)
