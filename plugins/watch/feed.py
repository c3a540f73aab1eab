"""What a page is told of a run, first all of it, then what was added."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from scipy.special import expit, logit

from neatfool import NeatfoolError, Run, RunError, find_runs, open_run

MOST_POINTS: Final = 4000
"""A page that is opened gets at most about this many points of a curve; a screen has fewer."""
STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")


class PageState(NamedTuple):
    """How much a page was sent; a run that is started anew in its folder is another life of it."""

    life: int = 0
    points: int = 0
    changes: int = 0
    state: bytes = b""


QUARTILES: Final = ("lowest", "lower", "middle", "upper", "highest")
COLUMNS: Final = (
    *("generation", "images", "minimum", "median", "maximum", "certain", "filled", *QUARTILES),
    *("seconds", "changed", "switched", "refused", *STAGES),
)
"""What is told of a generation: scores after it, quartiles (of confidences as decimal log-odds),
and from ``seconds`` on sums since the run began."""
ODDS: Final = (-4, 100 / np.log(10))
"""Decimal log-odds outside are drawn at the edge."""


class RunFeed:
    """Reads a run's database, opened for each read only: so a run can tidy up at its end."""

    def __init__(self, path: Path) -> None:
        """Follow the run in a folder."""
        self.path = path
        self.outcome: str | None = None
        """How a run of this process ended."""
        self._lock, self._due = threading.Lock(), 0.0
        self._stamp: list[tuple[int, int]] = []
        self._images: dict[int, tuple[int, bytes]] = {}
        self._forget(None)

    def news(self, page: PageState, *, now: bool = False) -> tuple[bytes | None, PageState]:
        """Give as JSON what a page was not sent yet, if anything, and what it then has."""
        with self._lock:
            if now or time.monotonic() >= self._due:
                self._look()
            return self._tell(page)

    def image(self, index: int) -> bytes:
        """Give the PNG of a class's elite, which is at hand if it is one of the newest."""
        if entry := self._images.get(index):
            return entry[1]
        with closing(open_run(self.path)) as run:
            return run.elite(index).png

    def _forget(self, born: object) -> None:
        self._life = getattr(self, "_life", 0) + 1
        self._born = born
        self._about: dict[str, Any] | None = None
        self._experiment: dict[str, Any] = {}
        self._points: list[dict[str, float]] = []
        self._changes: list[list[Any]] = []
        self._held = np.empty(0)
        self._images.clear()
        self._state = dict[str, Any](finished=False, requests={}, changed=0.0, error=None)

    def _look(self) -> None:
        began = time.thread_time()
        stamp = []
        for name in ("run.db", "run.db-wal"):
            with suppress(OSError):
                state = os.stat(self.path / name)  # noqa: PTH116
                stamp.append((state.st_mtime_ns, state.st_size))
        changed = max((written for written, _ in stamp), default=0) / 1e9
        # Times of files are coarse: one that is younger than this may have changed since.
        if stamp != self._stamp or time.time() - changed < 2:
            try:
                with closing(open_run(self.path)) as run:
                    self._read(run)
                self._state.update(changed=changed, error=None)
                self._stamp = stamp
            except (NeatfoolError, OSError) as error:
                self._state["error"] = str(error)
        # So a feed costs its process less than 1 %.
        self._due = time.monotonic() + max(2.0, 100 * (time.thread_time() - began))

    def _read(self, run: Run) -> None:
        born = (run.info.get("clock"), run.name, run.seed, run.classes)
        last = int(self._points[-1]["generation"]) if self._points else -1
        if born != self._born or run.generation < last:
            self._forget(born)
            last = -1
        if self._about is None or run.experiment != self._experiment:
            self._experiment = run.experiment
            general, target = (run.experiment.get(name, {}) for name in ("experiment", "target"))
            self._life += 1
            self._about = {
                "path": str(run.path),
                "name": run.name,
                "seed": run.seed,
                "about": run.about,
                "classes": run.classes,
                "searched": run.searched,
                "objective": run.spec.is_objective,
                "pixels": max(run.spec.height, run.spec.width),
                "length": {name: general.get(name) for name in ("generations", "images")},
                "budget": {key: target.get(f"max_{key}") for key in ("queries", "requests")},
            }
            self._held = np.full(len(run.classes), -np.inf)
        self._follow(run, last + 1)
        self._state.update(finished=run.finished, requests=run.requests)
        # The twelve newest elites are at hand: they are what a page asks for.
        newest: dict[int, int] = {}
        for generation, index, _ in reversed(self._changes):
            newest.setdefault(index, generation)
            if len(newest) == 12:
                break
        self._images = {
            index: self._images[index]
            if self._images.get(index, (-1,))[0] == generation
            else (generation, run.elite(index).png)
            for index, generation in newest.items()
        }

    def _follow(self, run: Run, first: int) -> None:
        """Add the columns of the generations from ``first`` on; see :data:`COLUMNS`."""
        reports, replacements = run.since(first)
        changes: dict[int, list[tuple[int, float, float]]] = {}
        for generation, index, score, rank in replacements:
            changes.setdefault(generation, []).append((index, score, rank))
            self._changes.append([generation, index, score])
        held, searched = self._held, [*run.searched]
        before = self._points[-1] if self._points else {}
        spread = _spread_scores if run.spec.is_objective else _spread
        odds = spread(held[searched])
        for report in reports:
            best = before.get("maximum", -np.inf if run.spec.is_objective else 0.0)
            for index, score, rank in changes.get(report.generation, ()):
                # The ranks of a target without logits are confidences.
                plain = rank == score and not run.spec.is_objective
                held[index] = logit(np.clip(rank, 1e-4, 1 - 1e-7)) if plain else rank
                best = max(best, score)
            if report.generation in changes:
                odds = spread(held[searched])
            more = {
                "seconds": report.stages.elapsed,
                "changed": report.replacements,
                "switched": report.goal_switches,
                "refused": report.refused,
                **{stage: getattr(report.stages, stage) for stage in STAGES},
            }
            before = {
                "generation": report.generation,
                "images": report.evaluations,
                "minimum": report.minimum,
                "median": report.median,
                "maximum": best,
                "certain": report.classes_ge[2],
                "filled": report.filled,
                **odds,
                **{name: round(before.get(name, 0) + value, 4) for name, value in more.items()},
            }
            self._points.append(before)

    def _tell(self, page: PageState) -> tuple[bytes | None, PageState]:
        news: dict[str, Any] = {}
        if page.life != self._life:
            page = PageState(self._life)
            about = self._about or {"path": str(self.path)}
            news = {"about": {**about, "columns": COLUMNS}}
        if points := self._points[page.points :]:
            step = 1 + len(points) // MOST_POINTS
            news["points"] = [[each[name] for name in COLUMNS] for each in points[::-step][::-1]]
        if changes := self._changes[page.changes :]:
            news["changes"] = changes
        state = {**self._state, "outcome": self.outcome}
        if (written := orjson.dumps(state)) != page.state:
            news["state"] = state
        sent = PageState(self._life, len(self._points), len(self._changes), written)
        return (orjson.dumps(news) if news else None), sent


class FeedList:
    """The feeds of all runs in some folders, also of those that begin later."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Find the runs that are there; a RunError if a folder has none."""
        paths = [path for folder in folders for path in find_runs(folder)]
        self._folders, self._lock, self._due = folders, threading.Lock(), 0.0
        self._feeds = {path: RunFeed(path) for path in dict.fromkeys(paths)}

    def __call__(self) -> Sequence[RunFeed]:
        """Give a feed for each run; a run keeps its place."""
        with self._lock:
            if time.monotonic() >= self._due:
                began = time.thread_time()
                for folder in self._folders:
                    with suppress(RunError):  # it is gone
                        for path in find_runs(folder):
                            self._feeds.setdefault(path, RunFeed(path))
                self._due = time.monotonic() + max(2.0, 100 * (time.thread_time() - began))
            return [*self._feeds.values()]


def _spread_scores(held: np.ndarray) -> dict[str, float]:
    """Give the quartiles of an objective's scores over the niches that are filled."""
    scores = held[np.isfinite(held)]
    found = np.percentile(scores if len(scores) else [0.0], (0, 25, 50, 75, 100))
    return dict(zip(QUARTILES, found.tolist(), strict=True))


def _spread(held: np.ndarray) -> dict[str, float]:
    """Give the quartiles of confidences as decimal log-odds; ``held`` has natural ones.

    Near one, confidences are told apart by how far they are from it.
    """
    sure = np.percentile(expit(held), (0, 25, 50, 75, 100))
    doubt = np.percentile(expit(-held), (100, 75, 50, 25, 0))
    odds = np.clip(np.log10(sure.clip(1e-300)) - np.log10(doubt.clip(1e-300)), *ODDS)
    return dict(zip(QUARTILES, odds.round(3).tolist(), strict=True))
