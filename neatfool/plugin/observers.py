"""Calls observers on a run's events. Their failures never end the run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pluggy

from neatfool.errors import cause
from neatfool.plugin import hookspecs
from neatfool.spec.candidate import Replacement

if TYPE_CHECKING:
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome

FAILURES: Final = 3
"""An observer that fails this often is switched off: once may be chance, three times is a bug."""

_log = logging.getLogger("neatfool.observers")


def hooks_of(plugin: object, name: str) -> pluggy.HookRelay:
    """Give neatfool's hooks as one plugin implements them, to call it alone."""
    alone = pluggy.PluginManager("neatfool")
    alone.add_hookspecs(hookspecs)
    alone.register(plugin, name)
    return alone.hook


class Observers:
    """The observers of a run; one that raises is logged, and switched off after three failures."""

    def __init__(self, plugins: Mapping[str, object]) -> None:
        """Take plugins by name, in the order of calls. Other hooks of theirs are not called."""
        self._hooks = {name: hooks_of(plugin, name) for name, plugin in plugins.items()}
        self._failures: Counter[str] = Counter()

    def run_started(self, run: Run) -> None:
        """Call ``neatfool_run_started``."""
        self._tell("neatfool_run_started", run=run)

    def generation_done(self, run: Run, report: GenerationReport) -> None:
        """Call ``neatfool_generation_done``."""
        self._tell("neatfool_generation_done", run=run, report=report)

    def elite_replaced(self, run: Run, replacement: Replacement) -> None:
        """Call ``neatfool_elite_replaced``."""
        self._tell("neatfool_elite_replaced", run=run, replacement=replacement)

    def run_finished(self, run: Run, outcome: Outcome) -> None:
        """Call ``neatfool_run_finished``."""
        self._tell("neatfool_run_finished", run=run, outcome=outcome)

    def _tell(self, event: str, **given: Any) -> None:
        for name, hook in tuple(self._hooks.items()):
            try:
                getattr(hook, event)(**given)
            except (Exception, SystemExit) as error:
                self._failures[name] += 1
                off = self._failures[name] >= FAILURES
                _log.warning(
                    "observer %s: %s: %s%s",
                    name,
                    event,
                    cause(error),
                    f"; it failed {FAILURES} times and is switched off" if off else "",
                    exc_info=error if _log.isEnabledFor(logging.DEBUG) else None,
                )
                if off:
                    del self._hooks[name]
