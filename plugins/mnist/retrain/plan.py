"""What is to be done, kept in the folder so that the same command goes on with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from neatfool import ExperimentError, RunError, StorageError
from neatfool.files import refuse_link
from neatfool.present import save

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool import Experiment, Run

RECORD: Final = "retrain.json"


@dataclass(frozen=True)
class Plan:
    """What is to be done, mostly as the options of the same names say.

    Attributes:
        also: Finished runs whose elites' images the first retrained network learns, too.
        learnt_by: What the networks depend on, besides.
    """

    experiment: Experiment
    folder: Path
    rounds: int
    until_safe: bool
    searches: int
    first_images: int
    more_images: int
    least_accuracy: float
    seed: int
    also: tuple[Run, ...] = ()
    learnt_by: dict[str, Any] = field(default_factory=dict)

    def round_folder(self, number: int) -> Path:
        """Give a round's folder, from round 1."""
        return self.folder / f"round-{number:02}"

    def search_folder(self, number: int, search: int) -> Path:
        """Give the folder of a round's search, from search 1."""
        return self.round_folder(number) / f"search-{search}"

    def images_of(self, number: int) -> int:
        """Count the fooling images that are taken from a round's runs, from round 1."""
        return self.first_images if number == 1 else self.more_images

    def learnt_in(self, number: int) -> int:
        """Count the fooling images that a round's network has learnt, from round 1."""
        also = sum(map(len, self.also)) if number > 1 else 0
        return also + sum(map(self.images_of, range(1, number)))

    def identity(self) -> dict[str, dict[str, Any]]:
        """Give what the rounds depend on, but not how many there are."""
        general = self.experiment.general
        return {
            **self.experiment.identity(),
            "length": {"generations": general.generations, "images": general.images},
            "retrain": {
                "searches": self.searches,
                "first_images": self.first_images,
                "more_images": self.more_images,
                "seed": self.seed,
                "also": [[run.name, run.seed, run.evaluations, len(run)] for run in self.also],
                **self.learnt_by,
            },
        }


def take_folder(plan: Plan) -> FileLock:
    """Begin in a new folder, or go on in one where the same was begun.

    Returns:
        The folder's lock, to be released at the end.

    Raises:
        RunError: The folder holds something else, or is in use.
        ExperimentError: Something else was begun in it.
        StorageError: It cannot be written.
    """
    folder = plan.folder
    record = folder / RECORD
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file; give another folder with --out")
    if folder.is_dir() and not record.exists() and any(p.name != ".lock" for p in folder.iterdir()):
        raise RunError(f"{folder}: holds something else; give an empty or new folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(refuse_link(folder / ".lock"), timeout=0)
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process works in it; wait for it or stop it") from None
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    text = json.dumps(plan.identity(), indent=1, sort_keys=True, default=str) + "\n"
    if record.exists():
        _compare(record, text)
    else:
        save(record, text.encode())
    return lock


def _compare(record: Path, text: str) -> None:
    from neatfool import differences

    try:
        begun = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{record}: is damaged ({error}); begin anew in another folder") from error
    if unlike := [*differences(json.loads(text), begun)]:
        name, now, then = unlike[0]
        raise ExperimentError(
            f"{record.parent}: was begun with another {name}: {then!r}, and not {now!r}. Give the "
            "same options to go on, or another folder with --out"
        )
