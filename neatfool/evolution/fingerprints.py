"""Fingerprints of targets that give none themselves: they change when a target's code changes."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neatfool.experiment.experiment import Choice
    from neatfool.spec.target import Target


def fingerprint_of_plugin(choice: Choice, target: Target) -> str:
    """Hash a target plugin's name, options and spec, and the file that its class is defined in."""
    parts = [choice.registration.name, choice.options.model_dump_json(), asdict(target.spec)]
    return hashlib.sha256(repr(parts).encode() + source_of(target)).hexdigest()


def fingerprint_of_code(thing: Any) -> str:
    """Hash the file that a function, a class, or an object's class is defined in."""
    return hashlib.sha256(source_of(thing)).hexdigest()


def source_of(thing: Any) -> bytes:
    """Give the qualified name of a function, a class or an object's class, and its file's bytes."""
    defined = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    name = getattr(defined, "__qualname__", repr(defined)).encode()
    try:
        path = inspect.getsourcefile(defined)
        return name + (Path(path).read_bytes() if path else b"")
    except (TypeError, OSError):
        return name
