"""The data set: its lists for programs and benchmarks, and what is said of it."""

from __future__ import annotations

import csv
import io
import json
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from neatfool.analysis import read_survival
from neatfool.present import Finding, Headline, Records, Table, Text
from neatfool.wording import percent

from .workplace import Image, Survival  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neatfool.present import Block

    from .choosing import Source
    from .making import Settings

TOLD: Final = 5
"""So many images that were left out are named; --json names all."""


class DataSet(Finding):
    """What was exported."""

    about: ClassVar[str] = "data set"

    folder: str = Field(description="the folder")
    images: int = Field(description="how many images it has")
    distinct: int = Field(description="how many of them are different")
    elites: int = Field(description="how many are elites still")
    classes: int = Field(description="how many classes have images")
    classes_of_target: int = Field(description="how many there are")
    runs: tuple[str, ...] = Field(description="the runs, as in the names of files")
    verified: bool = Field(description="whether each image was scored again")
    median: float = Field(description="the median confidence")
    min: float = Field(description="the lowest")
    licence: str = Field(description="the images' licence")
    left_out: tuple[Image, ...] = Field(description="the images that did not agree")
    manifest: tuple[Image, ...] = Field(exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The folder."""
        return self.folder

    def story(self) -> Iterator[Block]:
        """Tell how many images there are, and which were left out."""
        rank = median(image.rank for image in self.manifest)
        how = "each scored again" if self.verified else "not scored again"
        yield Headline(
            f"{self.folder}: {self.images:,} images, {how}, of {self.classes:,} of "
            f"{self.classes_of_target:,} classes; median confidence "
            f"{percent(self.median, rank)}, lowest {percent(self.min)}"
        )
        if self.left_out:
            rows = []
            for each in self.left_out:
                again = "no usable score" if each.measured is None else percent(each.measured)
                rows.append([each.name, each.run, again, percent(each.confidence)])
            title = f"{len(rows):,} left out, as they did not score what they should"
            heads = ("class", "run", "scored", "recorded")
            yield Table(heads, rows, title, words=(0, 1), most=TOLD)
        yield Text(f"Read {self.folder}/README.md")

    def records(self) -> Records:
        """Give the manifest, one image a row."""
        rows = []
        for image in self.manifest:
            first = [each["first"] for each in (image.survival or {}).values()]
            share = round(sum(first) / len(first), 4) if first else None
            facts = self.described(image) | {"elite": int(image.elite), "survival": share}
            rows.append([*facts.values()])
        return Records([*self.described(self.manifest[0])], rows)

    @staticmethod
    def described(image: Image) -> dict[str, Any]:
        """Describe an image, as a line of the manifest does."""
        # A last bit that differs between processors would make another file.
        measured = None if image.measured is None else round(image.measured, 6)
        return image.model_dump(by_alias=True) | {"measured": measured}


def describe(
    images: Sequence[Image], sources: Sequence[Source], folder: Path, settings: Settings
) -> DataSet:
    """Say what was made; at least one image scores what it should."""
    survived = {source.key: _survived(source) for source in sources}
    right = []
    for image in filter(settings.accepts, images):
        of_image = survived[image.run].get((image.name, image.genome)) if image.elite else None
        right.append(image.model_copy(update={"survival": of_image}))
    sure = [image.sure for image in right]
    return DataSet(
        folder=str(folder),
        images=len(right),
        distinct=len({image.sha256 for image in right}),
        elites=sum(image.elite for image in right),
        classes=len({image.index for image in right}),
        classes_of_target=len(sources[0].run.classes),
        runs=tuple(sorted({image.run for image in right})),
        verified=settings.verify,
        median=median(sure),
        min=min(sure),
        licence=settings.licence,
        left_out=tuple(image for image in images if not settings.accepts(image)),
        manifest=tuple(right),
    )


def _survived(source: Source) -> dict[tuple[str, int], Survival]:
    """Read what survives of a run's elites, by class and genome."""
    kept = read_survival(source.run)
    return {
        (name, image.genome): {
            change: {"confidence": sure, "first": first}
            for change, (sure, first) in image.changes.items()
        }
        for name, image in (kept.images.items() if kept and kept.own_target else ())
    }


def write_lists(found: DataSet, counts: Sequence[tuple[int, str, int]]) -> dict[str, str]:
    """Write all lists but that of the checksums, by file; ``counts`` are those of the classes."""
    records = [*map(found.described, found.manifest)]
    classes = io.StringIO()
    csv.writer(classes, lineterminator="\n").writerows([("index", "class", "images"), *counts])
    return {
        "manifest.csv": found.csv(),
        "manifest.jsonl": "".join(f"{json.dumps(record)}\n" for record in records),
        "imglist.txt": "".join(f"{record['file']} {record['index']}\n" for record in records),
        "imglist_ood.txt": "".join(f"{record['file']} -1\n" for record in records),
        "classes.csv": classes.getvalue(),
    }
