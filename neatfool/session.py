"""A session: one process's part of a run, from its start or resumption to its end."""

from __future__ import annotations

import platform
import shutil
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from neatfool.assembly import Assembly, blaming
from neatfool.errors import RunError, StorageError
from neatfool.evolution import Evolution
from neatfool.images import IMAGE_FOLDER, ImageFolder
from neatfool.reports import Outcome
from neatfool.run import Run
from neatfool.run_store import DATABASE, RunStore
from neatfool.spec import Candidate, Elite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from neatfool.plugin_manager import Observers
    from neatfool.spec import Json

EXPERIMENT_COPY = "experiment.ini"
LOCK = ".lock"
OWN = (DATABASE, EXPERIMENT_COPY, IMAGE_FOLDER, LOCK, "report.html")
"""What the names of a run folder's files begin with."""
SECONDS_BETWEEN_IMAGES = 10.0
VERSIONED = ("neatfool", "torch", "torchvision", "neat-python", "numpy", "pillow")


class Session:
    """A run that is open in this process for writing.

    Attributes:
        run: The run, as everybody may read it.
    """

    def __init__(
        self, folder: Path, assembly: Assembly, store: RunStore, release: Callable[[], None]
    ) -> None:
        """Take an open run; use :func:`start` or :func:`resume`."""
        self.run = Run(folder, encoding=assembly.encoding)
        self._assembly = assembly
        self._store = store
        self._release = release
        self._images = ImageFolder(folder / IMAGE_FOLDER)
        self._evolution = Evolution(
            scorer=assembly.scorer,
            encoding=assembly.encoding,
            scheme=assembly.scheme,
            store=store,
            limits=assembly.limits,
        )

    @property
    def done(self) -> bool:
        """Whether the run has reached its length."""
        return self._evolution.done

    def go(self, observers: Observers, stop: Callable[[], bool] = lambda: False) -> Outcome:
        """Run to the end, and leave the folder complete: images written, all closed.

        Args:
            observers: Told of each generation.
            stop: Asked after each generation; a KeyboardInterrupt stops at once. Either way
                what was done is kept.

        Returns:
            How it ended: finished or interrupted.

        Raises:
            NeatfoolError: The target, a plugin or the disk failed; what was done is kept.
        """
        began = time.perf_counter()
        reason: Any = "failed"
        with ExitStack() as ending:
            ending.callback(self._close)
            ending.callback(lambda: observers.run_finished(self.run, self._outcome(reason, began)))
            ending.callback(self._update_images)
            observers.run_started(self.run)
            try:
                self._loop(observers, stop)
                reason = "interrupted" if stop() and not self.done else "finished"
            except KeyboardInterrupt:
                reason = "interrupted"
        return self._outcome(reason, began)

    def _outcome(self, reason: Any, began: float) -> Outcome:
        evolution = self._evolution
        seconds = time.perf_counter() - began
        return Outcome(reason, evolution.generation, evolution.evaluations, seconds)

    def _loop(self, observers: Observers, stop: Callable[[], bool]) -> None:
        written = time.monotonic()
        for report, replacements in self._evolution.run(stop):
            observers.generation_done(self.run, report)
            if observers.wants_replacements:
                for replacement in replacements:
                    observers.elite_replaced(self.run, replacement)
            if time.monotonic() - written > SECONDS_BETWEEN_IMAGES:
                self._update_images()
                written = time.monotonic()

    def _update_images(self) -> None:
        folder = self.run.path
        kept = f"; what is recorded is kept, and `neatfool resume {folder}` goes on with it"
        with _storage_errors(self._images.folder, kept):
            self._images.update(self._store)

    def _close(self) -> None:
        try:
            if close := getattr(self._assembly.scorer.target, "close", None):
                with blaming(self._assembly.scorer.name):
                    close()
        finally:
            self.run.close()
            self._store.close()
            self._release()


def start(assembly: Assembly, folder: Path, *, overwrite: bool = False) -> Session:
    """Begin a run.

    Args:
        assembly: What it is made of.
        folder: Its folder, made here.
        overwrite: Whether to delete a run that is there already.

    Raises:
        RunError: The folder holds a run, or something else, already.
        StorageError: The folder cannot be written.
    """
    _refuse_taken(folder, overwrite=overwrite)
    with ExitStack() as undo, _storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        release = _lock(folder)
        undo.callback(release)
        _clear(folder)
        (folder / EXPERIMENT_COPY).write_text(assembly.text, encoding="utf-8")
        searched = assembly.scheme.archive.classes.tolist()
        store = RunStore.create(folder / DATABASE, _info(assembly), assembly.spec.classes, searched)
        undo.pop_all()
    return Session(folder, assembly, store, release)


def resume(assemble: Callable[[dict[str, Json]], Assembly], folder: Path) -> Session:
    """Go on with a run.

    Args:
        assemble: Makes the parts from the run's resolved experiment.
        folder: Its folder.

    Raises:
        RunError: There is no run, it is damaged or in use, its experiment was edited, or the
            target scores otherwise than when it began.
    """
    RunStore.open(folder / DATABASE).close()
    with ExitStack() as undo:
        release = _lock(folder)
        undo.callback(release)
        store = RunStore.open(folder / DATABASE, write=True)
        undo.callback(store.close)
        info = store.info()
        copy = folder / EXPERIMENT_COPY
        if copy.is_file() and copy.read_text(encoding="utf-8") != info["text"]:
            raise RunError(
                f"{copy}: was changed since the run began, and a run keeps its experiment. Undo "
                "the change, or start another run; `neatfool resume RUN --generations N` makes it "
                "longer"
            )
        assembly = assemble(info["experiment"])
        _check_same(folder, info, assembly)
        _restore(assembly, store)
        undo.pop_all()
    return Session(folder, assembly, store, release)


def _check_same(folder: Path, info: dict[str, Json], assembly: Assembly) -> None:
    if assembly.identity != info["identity"]:
        raise RunError(f"{folder}: the experiment is not the one that the run began with")
    if assembly.fingerprint != info["target"]["fingerprint"]:
        raise RunError(
            f"{folder}: the {assembly.scorer.name} is not the one that the run began with (its "
            "weights or code changed), so its scores cannot be compared. Bring the old one back, "
            "or start another run"
        )
    if assembly.scorer.batch_size != info["batch_size"]:
        raise RunError(f"{folder}: the run scores {info['batch_size']} images a batch; keep that")


def _restore(assembly: Assembly, store: RunStore) -> None:
    """Fill the archive and the scheme from the store."""
    archive, loads = assembly.scheme.archive, assembly.encoding.loads
    stored_elites = store.elites()
    ids = {elite.candidate for elite in stored_elites} | set(store.members())
    candidates = {
        id_: Candidate(id_, loads(stored.genome), stored.parents, stored.generation)
        for id_, stored in store.candidates(sorted(ids)).items()
    }
    for stored_elite in stored_elites:
        archive.place(
            Elite(
                stored_elite.class_index,
                candidates[stored_elite.candidate],
                stored_elite.confidence,
                stored_elite.rank,
            )
        )
    if (state := store.state()) is not None:
        assembly.scheme.restore(state, candidates)


def _info(assembly: Assembly) -> dict[str, Json]:
    spec = asdict(assembly.spec)
    del spec["classes"]
    return {
        "name": assembly.name,
        "seed": assembly.seed,
        "experiment": assembly.resolved,
        "identity": assembly.identity,
        "text": assembly.text,
        "spec": spec,
        "batch_size": assembly.scorer.batch_size,
        "target": {"name": assembly.scorer.name, "fingerprint": assembly.fingerprint},
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in VERSIONED},
        "clock": {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.platform(),
        },
    }


def _lock(folder: Path) -> Callable[[], None]:
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is running it; wait for it or stop it") from None
    return lock.release


def _refuse_taken(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file; give another folder with --out DIR")
    if (folder / DATABASE).exists() and not overwrite:
        raise RunError(
            f"{folder}: holds a run already. `neatfool resume {folder}` goes on with it, "
            "--overwrite starts it anew, --out DIR writes elsewhere"
        )
    strangers = [path.name for path in folder.glob("*") if not path.name.startswith(OWN)]
    if strangers:
        raise RunError(
            f"{folder}: holds {strangers[0]!r}, which is not a run's; give an empty or new folder "
            "with --out DIR"
        )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


@contextmanager
def _storage_errors(folder: Path, kept: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or error
        raise StorageError(f"{folder}: cannot be written: {what}{kept}") from error


class Interrupts:
    """Ctrl-C: the first asks the run to stop after its generation, the second stops it at once."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self._asked = False
        self._on_first = on_first

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM inside the block, in the main thread; elsewhere do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._handle) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)

    def _handle(self, *_: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._on_first()
