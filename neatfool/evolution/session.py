"""A session: one process's part of a run, from its start to its end, perhaps by Ctrl-C."""

from __future__ import annotations

import logging
import math
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.errors import RunError, TargetUnavailable, blaming
from neatfool.evolution.assembly import Assembly, versions
from neatfool.evolution.loop import Evolution
from neatfool.evolution.open_run import OpenRun
from neatfool.experiment.framework import describe_nothing
from neatfool.files import read_whole, write_whole
from neatfool.machine import collected_rarely
from neatfool.network.devices import MUCH, FreedMemory
from neatfool.plugin.manager import Observers
from neatfool.run import folder as run_folder
from neatfool.run.images import ImageFolder
from neatfool.run.statistics import Outcome
from neatfool.run.store import RunStore
from neatfool.scoring.repeatability import check_repeatability

if TYPE_CHECKING:
    from neatfool.spec.engine import Engine

_log = logging.getLogger("neatfool.evolution")

SECONDS_BETWEEN_IMAGES = 10.0


class Session:
    """A run that is open in this process for writing; :func:`start` opens a new one."""

    def __init__(
        self, folder: Path, assembly: Assembly, store: RunStore, ending: ExitStack
    ) -> None:
        """Go on with what ``ending`` closes."""
        metered = assembly.scorer.metered
        self.run = OpenRun(folder, assembly)
        ending.callback(self.run.close)
        self.general = assembly.experiment.general
        self.plan = assembly.scorer.plan
        self.ledger = None if metered is None else metered.ledger
        self.has_engine = assembly.experiment.engine is not None and metered is None
        self.workers = ""
        self._engine: Engine | None = None
        self._assembly = assembly
        self._store = store
        self._ending = ending
        self._images = ImageFolder(folder / run_folder.IMAGES, open_ended=assembly.spec.open)
        self._evolution = Evolution(assembly, store)

    @property
    def done(self) -> bool:
        """Whether the run has reached its length."""
        return self._evolution.done

    @property
    def scored(self) -> int:
        """Images scored so far, those of the current generation included."""
        return self._evolution.scored

    @property
    def ranks(self) -> tuple[float, float]:
        """The elites' median and lowest rank; ranks differ where confidences round to 100 %."""
        archive = self._evolution.scheme.archive
        ranks = archive.ranks[archive.classes]
        return (float(np.median(ranks)), float(ranks.min())) if len(ranks) else (0.0, 0.0)

    @property
    def best(self) -> float | None:
        """The highest score of an elite, if the target is an objective."""
        archive = self._evolution.scheme.archive
        return float(archive.ranks.max()) if self._assembly.spec.is_objective else None

    @property
    def searched(self) -> int:
        """How many classes are searched."""
        return len(self._evolution.scheme.archive.classes)

    def queries_to_the_end(self) -> tuple[int, int] | None:
        """Estimate what the whole run sends, (images, requests); None before it has sent any."""
        ledger, done = self.ledger, self._evolution.evaluations
        if ledger is None or not done:
            return None
        if (length := self.general.images) is None:
            left = (self.general.generations or 0) - self._evolution.generation - 1
            length = done + left * self._evolution.scheme.batch * self._assembly.scorer.views
        longer = length / done
        return math.ceil(ledger.queries * longer), math.ceil(ledger.requests * longer)

    def progress_of_workers(self) -> str:
        """Say in a few words what the workers do; empty without workers."""
        return self._engine.progress() if self._engine is not None else ""

    @property
    def description(self) -> str:
        """What the target and the scheme say of themselves, a line or more each."""
        parts, choices = self._assembly, self._assembly.experiment
        lines = []
        for choice, part in ((choices.target, parts.scorer.target), (choices.scheme, parts.scheme)):
            with blaming(choice.label):
                lines.append(str(part.describe()))
        guessed = choices.calls.nothing is None and not parts.scorer.spec.nothing
        return "\n".join(filter(None, [*lines, describe_nothing(parts.spec, guessed=guessed)]))

    def go(self, observers: Observers, stop: Callable[[], bool] = lambda: False) -> Outcome:
        """Run to the end, or until ``stop`` after a generation; write all images and close."""
        began = time.perf_counter()
        reason: Any = "failed"
        cause = ""
        ended: list[Outcome] = []

        def finish() -> None:
            last, seconds = self._store.last_generation(), time.perf_counter() - began
            ended.append(Outcome(reason, last, self._store.evaluations(last), seconds, cause))
            self.run.refresh()
            observers.run_finished(self.run, ended[0])

        with self._ending as ending, collected_rarely():
            ending.callback(finish)
            ending.callback(self._update_images)
            try:
                try:
                    self._start_engine(ending)
                finally:
                    observers.run_started(self.run)
                self._loop(observers, stop)
                cause = self._evolution.spent
                interrupted = not cause and not self.done and stop()
                reason = "spent" if cause else "interrupted" if interrupted else "finished"
            except TargetUnavailable as error:
                reason, cause = "paused", str(error)
            except KeyboardInterrupt:
                reason = "interrupted"
        return ended[0]

    def _start_engine(self, ending: ExitStack) -> None:
        choice, scorer = self._assembly.experiment.engine, self._assembly.scorer
        if choice is None or self.done:
            return
        if scorer.metered is not None:
            words = "[engine] is not used: asking %s costs something, so the run's process counts"
            _log.warning(words, scorer.name)
            return
        from neatfool.evolution.workplace import make_setup
        from neatfool.scoring.remote import RemoteBatches

        self._engine = engine = choice.make()
        ending.callback(engine.close)
        with blaming(choice.label):
            self.workers = engine.start(make_setup(self._assembly))
        name = self._assembly.experiment.encoding.label
        scorer.remote = RemoteBatches(engine, scorer.batches, self._assembly.encoding, name)

    def _loop(self, observers: Observers, stop: Callable[[], bool]) -> None:
        # A target that costs something can be asked only now: its ledger is open.
        if self._assembly.scorer.metered is not None and not self.done:
            check_repeatability(self._assembly.scorer)
        due = time.monotonic() + SECONDS_BETWEEN_IMAGES
        # Choosing how to score takes other memory than scoring, and so does a large first
        # generation than those that follow.
        freed, first = FreedMemory(), self._evolution.generation + 1
        freed.give_back()
        for report, replacements in self._evolution.run(stop):
            freed.give_back(-math.inf if report.generation == first else MUCH)
            self.run.refresh()
            observers.generation_done(self.run, report)
            for replacement in replacements:
                observers.elite_replaced(self.run, replacement)
            if time.monotonic() > due:
                self._update_images()
                due = time.monotonic() + SECONDS_BETWEEN_IMAGES

    def _update_images(self) -> None:
        folder = self.run.path
        if not folder.exists():
            return
        with run_folder.storage_errors(self._images.folder, "; the run can be resumed"):
            self._images.update(self._store)


def start(assembly: Assembly, folder: Path, *, overwrite: bool = False) -> Session:
    """Start a run in a new folder; ``overwrite`` deletes a run that is there."""
    if (engine := assembly.experiment.engine) is not None:
        engine.make().close()  # what it needs may be missing: that is said first
    with ExitStack() as undo, run_folder.storage_errors(folder):
        undo.enter_context(run_folder.take(folder, overwrite=overwrite))
        experiment, spec = assembly.experiment, asdict(assembly.spec)
        info = {
            "name": experiment.name,
            "seed": experiment.general.seed,
            "experiment": experiment.resolved(),
            "identity": experiment.identity(),
            "text": experiment.text,
            "spec": {key: value for key, value in spec.items() if key != "classes"},
            "scoring": assembly.scorer.plan.to_json(),
            "target": {"name": assembly.scorer.name, "fingerprint": assembly.scorer.fingerprint},
            "versions": versions(),
            "clock": {
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": platform.platform(),
            },
        }
        searched = assembly.scheme.archive.classes.tolist()
        store = RunStore.create(folder / run_folder.DATABASE, info, spec["classes"], searched)
        undo.callback(store.close)
        keep_text(folder, experiment.text)
        if assembly.scorer.metered is not None:
            assembly.scorer.metered.open_ledger(store.path)
        undo.callback(assembly.scorer.close)
        return Session(folder, assembly, store, undo.pop_all())


def keep_text(folder: Path, text: str) -> None:
    """Keep a copy of the experiment in the folder, and check that nobody changed it."""
    copy = folder / run_folder.EXPERIMENT
    with run_folder.storage_errors(copy):
        if not copy.is_file():
            write_whole(copy, text.encode())
        elif read_whole(copy) != text.encode():
            fault = f"{copy}: changed since the run started, and a run keeps its experiment"
            raise RunError(f"{fault}. Undo it, or start another run")


@contextmanager
def interruptible(
    on_first: Callable[[], object] = lambda: None, *, at_once: bool = False
) -> Iterator[Callable[[], bool]]:
    """Give what says whether Ctrl-C or SIGTERM asked for a stop; a second one stops at once.

    The first one does if ``at_once``: a metered target keeps its answers, and may give none.
    """
    stopping = Event()

    def handle(*_: object) -> None:
        if at_once or stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        on_first()

    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield stopping.is_set
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
