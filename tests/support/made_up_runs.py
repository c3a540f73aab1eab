"""Runs without a search behind them: databases with courses that a test chooses."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from neatfool import GenerationReport, GenomeSize
from neatfool.run.folder import DATABASE
from neatfool.run.schema import GenerationRecord, StoredCandidate
from neatfool.run.statistics import CONFIDENCE_THRESHOLDS
from neatfool.run.store import RunStore


def write_run(
    folder: Path,
    course: Sequence[Iterable[tuple[int, float]]],
    *,
    classes: Sequence[str] = ("cat", "dog"),
    searched: Sequence[int] | None = None,
    name: str = "made-up",
    seed: int = 1,
    batch: int = 10,
    length: int | None = None,
    fingerprint: str = "f00d",
    options: dict | None = None,
    goal_switch: bool = False,
    ended: bool = False,
) -> Path:
    """Write a run.

    Args:
        folder: Its folder.
        course: For each generation the replacements in it: class and confidence.
        classes: The classes of its target.
        searched: Those that are searched; all if absent.
        name: Its name.
        seed: Its seed.
        batch: Images a generation.
        length: Generations that it was to have; as many as it has if absent.
        fingerprint: Its target's.
        options: Other options of its scheme.
        goal_switch: Whether each replacement is one.
        ended: Whether its search came to an end of its own.
    """
    scheme = {"plugin": "map_elites", "batch": batch, **(options or {})}
    identity = {"experiment": {"seed": seed}, "encoding": {"plugin": "cppn"}, "scheme": scheme}
    general = {"name": name, "generations": length or len(course), "images": None, "seed": seed}
    info = {
        "name": name,
        "seed": seed,
        "identity": identity,
        "experiment": identity | {"experiment": general, "target": {"plugin": "patches"}},
        "target": {"name": "target 'patches'", "fingerprint": fingerprint},
        "versions": {"neatfool": "0.1.0"},
        "spec": {"height": 8, "width": 8, "channels": 1},
    }
    chosen = list(range(len(classes)) if searched is None else searched)
    folder.mkdir(parents=True)
    store = RunStore.create(folder / DATABASE, info, classes, chosen)
    best = np.zeros(len(classes))
    records = []
    for generation, changes in enumerate(course):
        made = list(changes)
        for index, confidence in made:
            best[index] = max(best[index], confidence)
        records.append(_record(generation, made, best[chosen], batch, goal_switch))
    for record in records:
        store.commit(record, {}, {})
    if ended:
        store.keep("ended_after", store.last_generation())
    store.close()
    return folder


def report_of(
    generation: int, confidences: Sequence[float], *, batch: int = 10, **numbers: Any
) -> GenerationReport:
    """Make the report of a generation after which the elites have these confidences."""
    found = np.asarray(confidences)
    lower, median, upper = np.quantile(found, (0.25, 0.5, 0.75))
    counts = dict.fromkeys(("replacements", "goal_switches", "refused", "confirmed"), 0)
    return GenerationReport(
        generation=generation,
        evaluations=batch * (generation + 1),
        median=float(median),
        mean=float(found.mean()),
        minimum=float(found.min()),
        lower_quartile=float(lower),
        upper_quartile=float(upper),
        classes_ge=tuple(int((found >= least).sum()) for least in CONFIDENCE_THRESHOLDS),
        elites=len(found),
        **counts | {"nodes": 1.0, "connections": 4.0} | numbers,
    )


def _record(generation, made, best, batch, goal_switch):
    report = report_of(
        generation,
        best,
        batch=batch,
        replacements=len(made),
        goal_switches=len(made) if goal_switch else 0,
        nodes=5.0 + generation / 20,
        connections=4.0 + generation / 10,
        confirmed=batch,
    )
    replacements = [
        SimpleNamespace(
            elite=SimpleNamespace(
                class_index=index,
                candidate=SimpleNamespace(id=batch * generation),
                score=confidence,
                rank=confidence,
            ),
            previous=None,
            goal_switch=goal_switch,
        )
        for index, confidence in made
    ]
    candidate = StoredCandidate(batch * generation, generation, (), "{}", GenomeSize(5, 4))
    return GenerationRecord(report, replacements, [candidate], {})


def random_course(
    classes: int, generations: int, *, seed: int, pace: float = 1.0
) -> list[list[tuple[int, float]]]:
    """Make up a course: classes that are easy and hard, rising in log-odds now and then.

    Args:
        classes: How many.
        generations: How many.
        seed: Of the chance in it.
        pace: How fast it rises.
    """
    ease = np.random.default_rng(0).normal(0, 1.5, classes)
    rng = np.random.default_rng(seed)
    odds = ease - 6 + rng.normal(0, 0.5, classes)
    course = []
    for generation in range(generations):
        chance = 1 if generation == 0 else 0.5 / (1 + 0.1 * generation)
        chosen = np.flatnonzero(rng.random(classes) < chance)
        odds[chosen] += pace * rng.exponential(0.5 + np.exp(ease[chosen] / 3))
        confidence = 1 / (1 + np.exp(-odds))
        course.append([(int(i), float(confidence[i])) for i in chosen])
    return course
