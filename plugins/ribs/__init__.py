"""Scheme ``ribs``: pyribs' emitters vary the numbers of genomes, and the niches are the classes.

An *emitter* of pyribs (https://pyribs.org) proposes vectors of numbers and learns from what becomes
of them. Here the numbers are the weights and biases of a CPPN, or the pixels of an image. A network
stays as it is while an emitter varies its weights; when the emitter starts again, it does so at a
child of an elite, so structure still evolves.

The modules: :mod:`.options` is what an experiment says; :mod:`.space` turns genomes into vectors
and back; :mod:`.emitter` is one emitter at work; :mod:`.feedback` is what it sees of the archive,
what it learns of its candidates, and how novel they are; :mod:`.scheme` has them all take turns.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options

__all__ = ["Options", "neatfool_register_schemes"]


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("ribs", f"{__name__}.scheme:Ribs", options=Options)
