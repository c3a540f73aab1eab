"""Serving gives a target to other machines, over the Open Inference Protocol v2 (HTTP).

:class:`TargetThread` makes and calls an experiment's target in its own thread, through a scorer as
a run uses it (:func:`make_served`). A small web application (:func:`make_app`) reads requests and
writes answers (:mod:`~neatfool.serving.requests`, :mod:`~neatfool.serving.responses`).
:func:`listen` and :func:`serve` connect it to the network.

Needs starlette, uvicorn and orjson: ``pip install 'neatfool[serve]'``.
"""

from __future__ import annotations

from neatfool.serving.app import make_app
from neatfool.serving.listening import address_of, is_private_to_this_machine, listen, serve
from neatfool.serving.requests import Limits
from neatfool.serving.served import Served, load_target_of, make_served
from neatfool.serving.target_thread import TargetThread

__all__ = [
    "Limits",
    "Served",
    "TargetThread",
    "address_of",
    "is_private_to_this_machine",
    "listen",
    "load_target_of",
    "make_app",
    "make_served",
    "serve",
]
