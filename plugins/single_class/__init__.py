"""Scheme ``single_class``: evolve for one class, or for several one after another.

The paper compares MAP-Elites with it. A population searches for one class at a time, and each
candidate competes for that class's niche alone. One of two selections decides who breeds:

``neat``
    neat-python's species, fitness sharing, stagnation and elites, with its keys and sections.
``rank``
    The paper's control: the best 60 % stay, and children of parents drawn by rank replace the
    rest.

In both the *encoding* breeds the children, and a candidate that stays is not scored again.
"""

from __future__ import annotations

from typing import Any

from neatfool import hookimpl

from .options import Options
from .scheme import SingleClass

__all__ = ["Options", "SingleClass", "neatfool_register_schemes"]


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("single_class", SingleClass, options=Options)
