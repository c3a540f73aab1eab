"""The lists of an exported folder: for spreadsheets, for programs, and for benchmarks."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .survival import share_that_survived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .choosing import Choice
    from .survival import Survival
    from .workplace import Made

FIELDS: Final = (
    "file", "sha256", "class", "index", "confidence", "rank", "measured", "run", "seed",
    "generation", "genome", "elite", "width", "height", "target", "fingerprint", "licence",
    "survival",
)  # fmt: skip
"""The columns of manifest.csv, and the keys of each line of manifest.jsonl."""


@dataclass(frozen=True)
class Exported:
    """An image of the folder, with all that is known of it.

    Attributes:
        choice: What it is the image of.
        made: The file.
        licence: Its licence.
        survival: What survives of it; None if the run's folder does not say.
    """

    choice: Choice
    made: Made
    licence: str
    survival: Survival | None

    @property
    def name(self) -> str:
        """The name of its class."""
        return self.choice.source.run.classes[self.choice.index]

    @property
    def confidence(self) -> float:
        """The confidence in the file as it is: as measured, if it was."""
        return self.made.confidence if self.made.measured is None else self.made.measured

    def record(self) -> dict[str, Any]:
        """Describe it for programs."""
        made, run = self.made, self.choice.source.run
        values = (
            made.file, made.sha256, self.name, self.choice.index, made.confidence, made.rank,
            # A last bit that differs between processors would make another file.
            None if made.measured is None else round(made.measured, 6),
            self.choice.source.key, run.seed, made.generation, self.choice.candidate,
            self.choice.elite, made.width, made.height, run.experiment["target"]["plugin"],
            run.info["target"]["fingerprint"], self.licence, self.survival,
        )  # fmt: skip
        return dict(zip(FIELDS, values, strict=True))


def write_lists(exported: Sequence[Exported], classes: Sequence[str]) -> dict[str, bytes]:
    """Write all lists but that of the checksums; give them by file."""
    records = [each.record() for each in exported]
    lists = {
        "manifest.csv": _to_csv(FIELDS, map(_row, records)),
        "manifest.jsonl": "".join(f"{json.dumps(record)}\n" for record in records),
        "imglist.txt": "".join(f"{record['file']} {record['index']}\n" for record in records),
        "imglist_ood.txt": "".join(f"{record['file']} -1\n" for record in records),
        "classes.csv": _to_csv(("index", "class", "images"), count_classes(exported, classes)),
    }
    return {file: text.encode() for file, text in lists.items()}


def count_classes(
    exported: Sequence[Exported], classes: Sequence[str]
) -> list[tuple[int, str, int]]:
    """Count the images of each class: index, name, images."""
    counts = [0] * len(classes)
    for each in exported:
        counts[each.choice.index] += 1
    return [(index, name, counts[index]) for index, name in enumerate(classes)]


def write_sums(hashes: Mapping[str, str]) -> bytes:
    """Write SHA256SUMS, which ``sha256sum --check`` reads, from the files' hashes."""
    return "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(hashes.items())).encode()


def _row(record: dict[str, Any]) -> list[Any]:
    survival = record["survival"]
    share = round(share_that_survived(survival), 4) if survival else None
    return [*(record | {"elite": int(record["elite"]), "survival": share}).values()]


def _to_csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()
