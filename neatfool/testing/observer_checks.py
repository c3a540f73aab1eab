"""The checks that every observer must pass: it follows a tiny run, and the run resumed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

from neatfool.plugin.manager import Observers, PluginManager
from neatfool.testing.toys import assemble_toys


class ObserverSubject:
    """An observer under test, a module or object with hooks; or several that were loaded."""

    def __init__(self, make: Callable[[], object]) -> None:
        made = make()
        if not isinstance(made, Observers):
            plugins = PluginManager()
            plugins.register_object(made, getattr(made, "__name__", type(made).__name__))
            made = plugins.observers()
        self.observer = made

    @cached_property
    def folder(self) -> TemporaryDirectory[str]:
        """Where the run lies."""
        return TemporaryDirectory(ignore_cleanup_errors=True)

    def close(self) -> None:
        """Delete the files."""
        self.folder.cleanup()


def check_follows_a_run(subject: ObserverSubject) -> None:
    from neatfool.evolution.session import start

    parent = Path(subject.folder.name)
    with TestCase().assertNoLogs("neatfool.observers"):  # of hooks that raise
        start(assemble_toys(parent, 3), parent / "toy-1").go(subject.observer)


def check_follows_a_resumed_run(subject: ObserverSubject) -> None:
    from neatfool.evolution.resuming import resume

    parent = Path(subject.folder.name)
    longer = assemble_toys(parent, 5)
    with TestCase().assertNoLogs("neatfool.observers"):
        resume(lambda _resolved, _plan: longer, parent / "toy-1").go(subject.observer)
