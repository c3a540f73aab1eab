"""The checks that every observer must pass: it follows a tiny run, and the run resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import TestCase

from neatfool.plugin.manager import Observers, PluginManager
from neatfool.testing.checking import FolderSubject
from neatfool.testing.toys import assemble_toys


class ObserverSubject(FolderSubject[Any]):
    """An observer under test, a module or object with hooks; or several that were loaded."""

    def __init__(self, make: Callable[[], object]) -> None:
        super().__init__(make)
        made = make()
        if not isinstance(made, Observers):
            plugins = PluginManager()
            plugins.register_object(made, getattr(made, "__name__", type(made).__name__))
            made = plugins.observers()
        self.made = made


def check_follows_a_run(subject: ObserverSubject) -> None:
    from neatfool.evolution.session import start

    parent = subject.folder
    with TestCase().assertNoLogs("neatfool.observers"):  # of hooks that raise
        start(assemble_toys(parent, 3), parent / "toy-1").go(subject.made)


def check_follows_a_resumed_run(subject: ObserverSubject) -> None:
    from neatfool.evolution.resuming import resume

    parent = subject.folder
    longer = assemble_toys(parent, 5)
    with TestCase().assertNoLogs("neatfool.observers"):
        resume(lambda _resolved, _plan: longer, parent / "toy-1").go(subject.made)
