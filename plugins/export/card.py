"""The data card: README.md, which says to people what the images are."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from neatfool.present import fill_template
from neatfool.wording import level, slug

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .choosing import Source
    from .dataset import DataSet
    from .making import Settings

STEPS: Final = (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.01)
"""The confidences between which images are counted."""
WIDEST: Final = 40
"""Characters of the longest bar."""
FEW_CLASSES: Final = 50
"""So many classes are listed in the card; more are only in classes.csv."""


def write_card(
    found: DataSet,
    counts: Sequence[tuple[int, str, int]],
    sources: Sequence[Source],
    settings: Settings,
    experiments: Mapping[str, str],
) -> str:
    """Write README.md.

    Args:
        found: What was exported.
        counts: The index of each class, its name, and how many images it has.
        sources: The runs.
        settings: How they were exported.
        experiments: The file with the experiment of each run, by the run's key.
    """
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
        "histogram": _draw_histogram([image.sure for image in found.manifest]),
        "counts": counts if len(counts) <= FEW_CLASSES else [],
        "having": [images for *_, images in counts if images],
        "of_run": Counter(image.run for image in found.manifest),
        "survivals": sum(image.survival is not None for image in found.manifest),
    }
    return fill_template(Path(__file__).with_name("card.md.j2"), content)


def write_experiments(sources: Sequence[Source]) -> tuple[dict[str, str], dict[str, str]]:
    """Write the runs' experiments: as given, once for all seeds, and as resolved, for each.

    Returns:
        The file with the experiment as given by run's key, and all files.
    """
    named: dict[str, str] = {}
    files: dict[str, str] = {}
    for source in sources:
        text = str(source.run.info.get("text", ""))
        named[source.key] = file = f"experiments/{source.key}.json"
        files[file] = f"{json.dumps(source.run.experiment, indent=1, sort_keys=True)}\n"
        if text:
            file = f"experiments/{slug(source.run.name) or 'run'}.ini"
            if files.get(file, text) != text:
                file = f"experiments/{source.key}.ini"
            files[file] = text
            named[source.key] = file
    return named, files


def _draw_histogram(confidences: Sequence[float]) -> list[str]:
    """Draw a bar of text for each range of confidences that has images."""
    ranges = list(pairwise(STEPS))
    counts = [sum(low <= each < high for each in confidences) for low, high in ranges]
    lines = []
    for (low, high), count in zip(ranges, counts, strict=True):
        end = "100 %" if high > 1 else level(high)
        bar = "#" * max(round(WIDEST * count / max(counts)), count > 0)
        lines.append(f"{level(low):>8} to {end:<8} {count:>7,}  {bar}".rstrip())
    return lines
