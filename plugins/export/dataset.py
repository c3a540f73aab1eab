"""The data set: its folder, its table for programs, and what is said of it to people."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, ClassVar, Final

from neatfool import StorageError, VerificationError
from neatfool.files import refuse_link
from neatfool.measure import read_survival
from neatfool.present import Block, Finding, Headline, Records, Table, fill_template, save
from neatfool.wording import counted, four_digits, percent

from .images import ImageRecord

if TYPE_CHECKING:
    from neatfool import Run

TABLE: Final = "metadata.csv"
"""The name that Hugging Face's ``imagefolder`` looks for."""
OURS: Final = {"images", "experiments", "README.md", "imglist.txt", TABLE}
"""All that may lie in an exported folder: what else does is somebody's, and not deleted."""


class DataSet(Finding):
    """What was exported."""

    about: ClassVar[str] = "data set"

    folder: str
    """the folder"""
    images: int
    """how many images it has"""
    elites: int
    """how many are elites still"""
    classes: int
    """how many classes have images"""
    runs: tuple[str, ...]
    """the runs, as in the names of files"""
    verified: bool
    """whether each image was scored again"""
    median: float
    """the median score"""
    min: float
    """the lowest"""
    score_name: str
    """what a score is: confidence, or score in an objective"""
    left_out: tuple[ImageRecord, ...]
    """the images that did not agree"""

    @property
    def title(self) -> str:
        """The folder."""
        return self.folder

    def written(self, score: float) -> str:
        """Write a score."""
        return four_digits(score) if self.score_name == "score" else percent(score)

    def story(self) -> Iterator[Block]:
        """Tell how many images there are, and which were left out."""
        kinds = ("niche", "niches") if self.score_name == "score" else ("class", "classes")
        verified = "each scored again" if self.verified else "not scored again"
        yield Headline(
            f"{self.folder}: {counted(self.images, 'image', 'images')} of "
            f"{counted(self.classes, *kinds)}, {verified}; median {self.score_name} "
            f"{self.written(self.median)}, lowest {self.written(self.min)}"
        )
        if self.left_out:
            rows = []
            for each in self.left_out:
                again = "no usable score" if each.measured is None else self.written(each.measured)
                rows.append([each.name, each.run, again, self.written(each.score)])
            title = f"{len(rows):,} left out, as they did not score what they should"
            heads = (kinds[0], "run", "scored", "recorded")
            yield Table(heads, rows, title, words=(0, 1), most=5)


@contextmanager
def new_folder(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Make a folder beside its place, and move it there at the end; delete it after an error."""
    if refuse_link(folder).exists() and not folder.is_dir():
        raise StorageError(f"{folder}: is a file; name a folder")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and (there - OURS or TABLE not in there):
        raise StorageError(
            f"{folder}: holds {min(there - OURS or there)!r}, which no export wrote; name another "
            "folder"
        )
    if there and not overwrite:
        raise StorageError(
            f"{folder}: holds an export already; name another folder, or replace it: --overwrite"
        )
    place = folder.resolve()
    partial, old = (place.with_name(f".{place.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    try:
        partial.mkdir(parents=True)
        yield partial
        if place.exists():
            place.rename(old)
        partial.rename(place)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_dataset(
    records: Sequence[ImageRecord],
    runs: Mapping[str, Run],
    place: Path,
    folder: Path,
    *,
    verified: bool,
    licence: str,
) -> DataSet:
    """Delete the images that do not agree; write the table, the lists and the card of the others.

    Raises:
        VerificationError: No image scores what its run recorded.
    """
    right = [image for image in records if image.agrees or not verified]
    left_out = [image for image in records if verified and not image.agrees]
    for image in left_out:
        (place / image.file_name).unlink(missing_ok=True)
    if not right:
        raise VerificationError(
            f"{folder}: was not written: none of {len(records):,} images scores what its run "
            "recorded; has the target changed since? `neatfool verify RUN` says more"
        )
    sure = [image.score for image in right]
    found = DataSet(
        folder=str(folder),
        images=len(right),
        elites=sum(image.elite for image in right),
        classes=len({image.index for image in right}),
        runs=tuple(sorted({image.run for image in right})),
        verified=verified,
        median=median(sure),
        min=min(sure),
        score_name=next(iter(runs.values())).spec.score_name,
        left_out=tuple(left_out),
    )
    files = {
        f"experiments/{key}.json": json.dumps(run.experiment, indent=1) + "\n"
        for key, run in runs.items()
    }
    content = {
        "found": found,
        "runs": runs,
        "licence": licence,
        "versions": sorted({str(run.info["versions"]["neatfool"]) for run in runs.values()}),
        "of_run": Counter(image.run for image in right),
    }
    files |= {
        "README.md": fill_template(Path(__file__).with_name("card.md.j2"), content),
        **({} if found.score_name == "score" else {"imglist.txt": _list_images(right)}),
        TABLE: _tabulate(right, runs).csv(),
    }
    for file, text in files.items():
        save(place / file, text.encode(), within=place)
    return found


def _list_images(images: Sequence[ImageRecord]) -> str:
    """List images as OpenOOD does: of no known class."""
    return "".join(f"{image.file_name} -1\n" for image in images)


def _tabulate(images: Sequence[ImageRecord], runs: Mapping[str, Run]) -> Records:
    """Make the table, one image a row, with the share of changes that an elite survives."""
    survivals = {key: read_survival(run) for key, run in runs.items()}
    rows: list[list[object]] = []
    for image in images:
        kept = survivals[image.run] if image.elite else None
        changes = kept.of(image.name, image.genome) if kept and kept.own_target else {}
        first = [is_first for _, is_first in changes.values()]
        share = round(sum(first) / len(first), 4) if first else None
        # A last bit that differs between processors would make another file.
        measured = None if image.measured is None else round(image.measured, 6)
        facts = image.model_dump(by_alias=True) | {"measured": measured, "elite": int(image.elite)}
        rows.append([*facts.values(), share])
    heads = [*images[0].model_dump(by_alias=True), "survival"]
    name = next(iter(runs.values())).spec.score_name
    return Records([name if head == "confidence" else head for head in heads], rows)
