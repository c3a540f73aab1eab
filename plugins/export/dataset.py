"""The data set: its lists for programs and benchmarks, and what is said of it to people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from neatfool.measure import read_survival
from neatfool.present import Block, Finding, Headline, Records, Table, Text, fill_template
from neatfool.wording import counted, level, percent, slug

from .folder import ExportFolder, ImageRecord

if TYPE_CHECKING:
    from .images import ExportSettings, SourceRun

STEPS: Final = (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.01)
"""The confidences between which images are counted."""


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
    left_out: tuple[ImageRecord, ...] = Field(description="the images that did not agree")
    manifest: tuple[ImageRecord, ...] = Field(exclude=True, repr=False)

    @property
    def title(self) -> str:
        """The folder."""
        return self.folder

    def story(self) -> Iterator[Block]:
        """Tell how many images there are, and which were left out."""
        rank = median(image.rank for image in self.manifest)
        verified = "each scored again" if self.verified else "not scored again"
        yield Headline(
            f"{self.folder}: {counted(self.images, 'image', 'images')}, {verified}, of "
            f"{self.classes:,} of {self.classes_of_target:,} classes; median confidence "
            f"{percent(self.median, rank)}, lowest {percent(self.min)}"
        )
        if self.left_out:
            rows = []
            for each in self.left_out:
                again = "no usable score" if each.measured is None else percent(each.measured)
                rows.append([each.name, each.run, again, percent(each.confidence)])
            title = f"{len(rows):,} left out, as they did not score what they should"
            heads = ("class", "run", "scored", "recorded")
            yield Table(heads, rows, title, words=(0, 1), most=5)
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
    def described(image: ImageRecord) -> dict[str, Any]:
        """Describe an image, as a line of the manifest does."""
        # A last bit that differs between processors would make another file.
        measured = None if image.measured is None else round(image.measured, 6)
        return image.model_dump(by_alias=True) | {"measured": measured}


def write_folder(
    images: Sequence[ImageRecord],
    sources: Sequence[SourceRun],
    place: ExportFolder,
    settings: ExportSettings,
) -> DataSet:
    """Write lists and a card of the images that score as they should; finish the folder."""
    survivals, right = {source.key: read_survival(source.run) for source in sources}, []
    for image in filter(settings.accepts, images):
        kept = survivals[image.run] if image.elite else None
        changes = kept.of(image.name, image.genome) if kept and kept.own_target else {}
        survived = {key: {"confidence": sure, "first": own} for key, (sure, own) in changes.items()}
        right.append(image.model_copy(update={"survival": survived or None}))
    sure = [image.sure for image in right]
    found = DataSet(
        folder=str(place.folder),
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
    named, files = _experiments(sources)
    numbers = Counter(image.index for image in right)
    counts = [(index, name, numbers[index]) for index, name in enumerate(sources[0].run.classes)]
    records = [*map(found.described, right)]
    files |= {
        "README.md": _card(found, counts, sources, settings, named),
        "manifest.csv": found.csv(),
        "manifest.jsonl": "".join(f"{json.dumps(record)}\n" for record in records),
        "imglist.txt": "".join(f"{record['file']} {record['index']}\n" for record in records),
        "imglist_ood.txt": "".join(f"{record['file']} -1\n" for record in records),
        "classes.csv": Records(("index", "class", "images"), counts).csv(),
    }
    hashes = {image.file: image.sha256 for image in right}
    hashes |= {file: place.write(file, text.encode()) for file, text in files.items()}
    sums = "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(hashes.items()))
    place.write("SHA256SUMS", sums.encode())
    place.finish({*hashes, "SHA256SUMS"})
    return found


def _card(
    found: DataSet,
    counts: Sequence[tuple[int, str, int]],
    sources: Sequence[SourceRun],
    settings: ExportSettings,
    experiments: Mapping[str, str],
) -> str:
    """Write README.md, with the file of each run's experiment, by the run's key."""
    sure = [image.sure for image in found.manifest]
    ranges = [*pairwise(STEPS)]
    numbers = [sum(low <= each < high for each in sure) for low, high in ranges]
    histogram = []
    for (low, high), number in zip(ranges, numbers, strict=True):
        end = "100 %" if high > 1 else level(high)
        bar = "#" * max(round(40 * number / max(numbers)), number > 0)
        histogram.append(f"{level(low):>8} to {end:<8} {number:>7,}  {bar}".rstrip())
    content = {
        "found": found,
        "settings": settings,
        "sources": sources,
        "experiments": experiments,
        "names": dict.fromkeys(each.run.name for each in sources),
        "abouts": dict.fromkeys(each.run.about for each in sources),
        "in_views": [each.key for each in sources if "views" in each.run.experiment],
        "versions": sorted({str(each.run.info["versions"]["neatfool"]) for each in sources}),
        "spec": sources[0].run.spec,
        "rank": median(image.rank for image in found.manifest),
        "histogram": histogram,
        "counts": counts if len(counts) <= 50 else [],
        "having": [images for *_, images in counts if images],
        "of_run": Counter(image.run for image in found.manifest),
        "survivals": sum(image.survival is not None for image in found.manifest),
    }
    return fill_template(Path(__file__).with_name("card.md.j2"), content)


def _experiments(sources: Sequence[SourceRun]) -> tuple[dict[str, str], dict[str, str]]:
    """Give runs' experiments as given, once for all seeds, and as resolved; name the former."""
    named: dict[str, str] = {}
    files: dict[str, str] = {}
    for source in sources:
        named[source.key] = file = f"experiments/{source.key}.json"
        files[file] = f"{json.dumps(source.run.experiment, indent=1, sort_keys=True)}\n"
        if text := str(source.run.info.get("text", "")):
            file = f"experiments/{slug(source.run.name) or 'run'}.ini"
            if files.get(file, text) != text:
                file = f"experiments/{source.key}.ini"
            files[file] = text
            named[source.key] = file
    return named, files
