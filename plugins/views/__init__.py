"""Views (augmentations): what happens to an image between the file and the eye of a classifier.

A module that lies here is a view of its name. Only a module of several has entry points in
``setup.cfg``: :mod:`.geometry` is what they share, and moves, turns and scales; :mod:`.photometry`
changes brightness and detail, or shows an image on a screen or a print, seen by a camera.

Edges are mirrored, as if the picture went on. Randomness, the direction of a move say, comes from
the image's seed alone.
"""
