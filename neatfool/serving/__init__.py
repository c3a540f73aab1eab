"""Serving: a target for other machines and programs, over the Open Inference Protocol v2 (HTTP).

An experiment's target is made, and called, in a thread of its own (:class:`TargetThread`), through
a scorer as a run has it (:func:`make_served`). Requests are read and answers written as the
protocol says (:mod:`~neatfool.serving.requests`, :mod:`~neatfool.serving.responses`) by a small web
application (:func:`make_app`), which :func:`listen` and :func:`serve` give to the network.

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
