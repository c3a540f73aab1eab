"""Scheme ``single_class``: evolve for one class, or for several one after another.

What the paper compares MAP-Elites with. A population searches for one class at a time and each
candidate is offered to that class's niche alone. Who breeds is decided by one of two selections:

``neat``
    neat-python's own species, fitness sharing, stagnation and elites, with its key names in its
    own sections.
``rank``
    The paper's control: the best 60 % stay, and children of parents drawn by rank replace the
    rest.

Either way the *encoding* breeds the children, and a candidate that stays is not scored again.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options
from .scheme import SingleClass

__all__ = ["Options", "SingleClass", "neatfool_register_schemes"]


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Offer the scheme."""
    register("single_class", SingleClass, options=Options)
