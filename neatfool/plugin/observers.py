"""Calls observers on a run's events. Their failures never end the run."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from neatfool.errors import cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pluggy

    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome
    from neatfool.spec.candidate import Replacement

FAILURES: Final = 3
"""An observer that fails this often is switched off: once may be chance, three times is a bug."""

OBSERVER_HOOKS: Final = (
    "neatfool_run_started",
    "neatfool_generation_done",
    "neatfool_elite_replaced",
    "neatfool_run_finished",
)

_log = logging.getLogger("neatfool.observers")


class Observers:
    """The observers of a run, called one at a time.

    If one raises, the exception is logged, with its traceback if debugging is on. After three
    failures the observer is switched off. A KeyboardInterrupt passes.
    """

    def __init__(self, implementations: Mapping[str, Sequence[pluggy.HookImpl]]) -> None:
        """Take the functions to call, in order, for each of :data:`OBSERVER_HOOKS`."""
        self._implementations = {
            hook: list(implementations.get(hook, ())) for hook in OBSERVER_HOOKS
        }
        self._failures: Counter[str] = Counter()

    @property
    def wants_replacements(self) -> bool:
        """Whether any observer implements ``neatfool_elite_replaced``."""
        return bool(self._implementations["neatfool_elite_replaced"])

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

    def _tell(self, hook: str, **event: Any) -> None:
        for observer in tuple(self._implementations[hook]):
            try:
                observer.function(*(event[name] for name in observer.argnames))
            except (Exception, SystemExit) as error:
                self._blame(observer, hook, error)

    def _blame(self, observer: pluggy.HookImpl, hook: str, error: BaseException) -> None:
        name = observer.plugin_name
        self._failures[name] += 1
        off = self._failures[name] >= FAILURES
        _log.warning(
            "observer %s: %s: %s%s",
            name,
            hook,
            cause(error),
            f"; it failed {FAILURES} times and is switched off" if off else "",
            exc_info=error if _log.isEnabledFor(logging.DEBUG) else None,
        )
        if off:
            for implementations in self._implementations.values():
                implementations[:] = [
                    other for other in implementations if other.plugin is not observer.plugin
                ]
