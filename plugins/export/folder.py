"""Where a folder is made: beside its place, until it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from pydantic import Field

from neatfool import StorageError
from neatfool.files import refuse_link
from neatfool.present import Facts, save

JOURNAL: Final = ".made.jsonl"
LOCK: Final = ".lock"
MANIFEST: Final = "manifest.jsonl"
OURS: Final = {
    "images", "experiments", "README.md", "SHA256SUMS", "classes.csv", "imglist.txt",
    "imglist_ood.txt", "manifest.csv", MANIFEST,
}  # fmt: skip
"""All that may lie in an exported folder: what else does is somebody's, and not deleted."""


class ImageRecord(Facts):
    """An image of a data set, as its manifest describes it."""

    file: str = Field(description="its file in the folder")
    sha256: str = Field(description="the SHA-256 of the file")
    name: str = Field(serialization_alias="class", description="its class")
    index: int = Field(description="the index of the class")
    confidence: float = Field(description="the recorded confidence")
    rank: float = Field(description="the recorded rank")
    measured: float | None = Field(
        None, description="the confidence when it was scored again; null without a usable score"
    )
    run: str = Field(description="its run, as in the names of files")
    seed: int = Field(description="the run's seed")
    generation: int = Field(description="the generation that it was bred in")
    genome: int = Field(description="its number in the run")
    elite: bool = Field(description="whether it is an elite still")
    width: int = Field(description="pixels from left to right")
    height: int = Field(description="pixels from top to bottom")
    target: str = Field(description="the plugin that runs the classifier")
    fingerprint: str = Field(description="changes when the classifier does")
    licence: str = Field(description="its licence")
    survival: dict[str, dict[str, float | bool]] | None = Field(
        None, description="the confidence after each change, and whether the class is top-1 then"
    )

    @property
    def sure(self) -> float:
        """The confidence in the file as it is: as measured, if it was."""
        return self.confidence if self.measured is None else self.measured


class ExportFolder:
    """The hidden folder beside the one that is made; a journal notes the images in it."""

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        """Look at the folder's place, where nothing else may lie; use :meth:`open`."""
        self.folder = folder
        self._place = folder.resolve()
        self.path = self._place.with_name(f".{self._place.name}.partial")
        self._made: dict[str, dict[str, Any]] = {}
        if not folder.exists():
            return
        if not folder.is_dir():
            raise StorageError(f"{folder}: is a file; name a folder")
        there = {path.name for path in folder.iterdir()}
        if there and (there - OURS or MANIFEST not in there):
            stranger = min(there - OURS or there)
            raise StorageError(
                f"{folder}: holds {stranger!r}, which no export wrote; name another folder"
            )
        if there and not overwrite:
            raise StorageError(
                f"{folder}: holds an export already; name another folder, or replace it: "
                "--overwrite"
            )

    @contextmanager
    def open(self) -> Iterator[ExportFolder]:
        """Make the folder or find it again, for this process alone."""
        with self._storage_errors():
            refuse_link(self.path).mkdir(parents=True, exist_ok=True)
            lock = FileLock(refuse_link(self.path / LOCK), timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise StorageError(
                    f"{self.folder}: another process is exporting there; wait for it or stop it"
                ) from None
        try:
            with self._storage_errors():
                file = self.path / JOURNAL
                for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
                    with suppress(ValueError):  # the last line, cut short by a kill
                        token, made = json.loads(line)
                        self._made[token] = made
            yield self
        finally:
            lock.release()

    def find(self, token: str) -> ImageRecord | None:
        """Find an image that was made before of the same, if its file is as it was."""
        if token not in self._made:
            return None
        made = ImageRecord(**self._made[token])
        file = self.path / made.file
        same = file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == made.sha256
        return made if same else None

    def write(self, file: str, data: bytes) -> str:
        """Write a file into the folder; give its SHA-256."""
        save(self.path / file, data, within=self.path)
        return hashlib.sha256(data).hexdigest()

    def note(self, made: Mapping[str, ImageRecord]) -> None:
        """Note images that lie in the folder now, by what they were made of."""
        file = refuse_link(self.path / JOURNAL)
        with self._storage_errors(), file.open("a", encoding="utf-8") as journal:
            journal.writelines(
                f"{json.dumps([token, each.model_dump()])}\n" for token, each in made.items()
            )

    def finish(self, files: set[str]) -> None:
        """Delete all but these files, and move the folder to its place."""
        with self._storage_errors():
            for path in sorted(self.path.rglob("*"), reverse=True):
                if path.is_dir():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path.name != LOCK and path.relative_to(self.path).as_posix() not in files:
                    path.unlink()
            (self.path / LOCK).unlink(missing_ok=True)
            old = self._place.with_name(f".{self._place.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if self._place.exists():
                self._place.rename(old)
            self.path.rename(self._place)
            shutil.rmtree(old, ignore_errors=True)

    def discard(self) -> None:
        """Delete what was made."""
        with self._storage_errors():
            shutil.rmtree(self.path)

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{error.filename or self.path}: cannot be written: {error.strerror or error}; the "
                "same command goes on when it can"
            ) from error
