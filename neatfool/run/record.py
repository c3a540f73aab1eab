"""The record of a run: its folder, and what its database says of the whole run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter

from neatfool.config.ini import first_comment
from neatfool.errors import RunError
from neatfool.files import Json
from neatfool.run.folder import DATABASE
from neatfool.run.sqlite import database_errors
from neatfool.run.store import RunSnapshot, RunStore
from neatfool.spec.encoding import Encoding
from neatfool.spec.image_spec import ImageSpec

_SPEC: Final = TypeAdapter(ImageSpec)


class RunRecord:
    """A run's folder, and what its record says of the whole run, at one instant."""

    def __init__(self, path: Path, *, trust: bool = False) -> None:
        """Look at a folder; use :func:`neatfool.open_run`."""
        self.path = path
        self.trusted = trust

    @cached_property
    def store(self) -> RunStore:
        """The run's database, open for reading."""
        return RunStore.open(self.path / DATABASE)

    @cached_property
    def own(self) -> bool:
        """Whether this user made or resumed it, and nobody changed it; RunError if damaged."""
        return self.store.is_own()

    @cached_property
    def _snapshot(self) -> RunSnapshot:
        return self.store.snapshot()

    def refresh(self) -> None:
        """Show the run as it is now. Elites that were given before do not change."""
        for known in ("_snapshot", "spec"):
            self.__dict__.pop(known, None)

    def __enter__(self) -> Self:
        """Use the run in a block of ``with``, at whose end it is closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the run."""
        self.close()

    def close(self) -> None:
        """Close the database and the target; the next use opens them again."""
        if store := self.__dict__.pop("store", None):
            store.close()

    @property
    def info(self) -> dict[str, Json]:
        """The facts recorded when the run began: versions, machine, target, seed."""
        return self._snapshot.info

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.info["name"])

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.info["seed"])

    @property
    def about(self) -> str:
        """What its experiment says of itself: ``description``, or else the file's first comment."""
        given = self.experiment.get("experiment", {}).get("description")
        return " ".join(given.split()) if given else first_comment(str(self.info.get("text", "")))

    @property
    def experiment(self) -> dict[str, Json]:
        """The experiment with all its defaults: section -> key -> value."""
        experiment: dict[str, Json] = self.info["experiment"]
        return experiment

    @property
    def classes(self) -> tuple[str, ...]:
        """All known class names of the target."""
        return self._snapshot.classes

    @property
    def searched(self) -> tuple[int, ...]:
        """The indices of the classes that are searched."""
        return self._snapshot.searched

    @cached_property
    def spec(self) -> ImageSpec:
        """The images that the target takes."""
        with database_errors(self.store.path):
            return _SPEC.validate_python({**self.info["spec"], "classes": self.classes})

    @property
    def encoding(self) -> Encoding[Any]:
        """The run's encoding; PluginError if it cannot be loaded."""
        raise self.only_read()

    def only_read(self) -> RunError:
        """Make the error for what needs more of a run than its record."""
        return RunError(f"{self.path}: was opened only for reading; use neatfool.open_run")
