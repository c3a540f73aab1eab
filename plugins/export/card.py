"""The data card: README.md, which says to people what the images are."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from neatfool import level, percent, slug

from .manifest import count_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .choosing import Source
    from .manifest import Exported
    from .settings import Settings

STEPS: Final = (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.01)
"""The confidences between which images are counted."""
WIDEST: Final = 40
"""Characters of the longest bar."""
FEW_CLASSES: Final = 50
"""So many classes are listed in the card; more are only in classes.csv."""


def write_card(
    exported: Sequence[Exported],
    sources: Sequence[Source],
    *,
    settings: Settings,
    left_out: int,
    experiments: dict[str, str],
) -> bytes:
    """Write README.md.

    Args:
        exported: The images, at least one.
        sources: The runs.
        settings: How they were exported.
        left_out: How many images did not agree with the record.
        experiments: The file with the experiment of each run, by the run's key.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - it is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    spec = sources[0].run.spec
    counts = count_classes(exported, spec.classes)
    having = [images for *_, images in counts if images]
    content = {
        "versions": sorted({str(source.run.info["versions"]["neatfool"]) for source in sources}),
        "exported": exported,
        "distinct": len({each.made.sha256 for each in exported}),
        "elites": sum(each.choice.elite for each in exported),
        "settings": settings,
        "least": level(settings.least),
        "left_out": left_out,
        "runs": [_describe(source, exported, experiments) for source in sources],
        "spec": spec,
        "median": percent(
            median(each.confidence for each in exported),
            median(each.made.rank for each in exported),
        ),
        "lowest": percent(min(each.confidence for each in exported)),
        "histogram": _draw_histogram([each.confidence for each in exported]),
        "counts": counts if len(counts) <= FEW_CLASSES else [],
        "having": having,
        "classes": len(counts),
        "survivals": sum(each.survival is not None for each in exported),
        "cell": _cell,
    }
    return environment.get_template("card.md.j2").render(content).encode()


def write_experiments(sources: Sequence[Source]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Write the runs' experiments: as given, once for all seeds, and as resolved, for each.

    Returns:
        The file with the experiment as given by run's key, and all files.
    """
    named: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for source in sources:
        text = str(source.run.info.get("text", "")).encode()
        resolved = json.dumps(source.run.experiment, indent=1, sort_keys=True)
        files[f"experiments/{source.key}.json"] = f"{resolved}\n".encode()
        if text:
            file = f"experiments/{slug(source.run.name) or 'run'}.ini"
            if files.get(file, text) != text:
                file = f"experiments/{source.key}.ini"
            files[file] = text
            named[source.key] = file
        else:
            named[source.key] = f"experiments/{source.key}.json"
    return named, files


def _describe(
    source: Source, exported: Sequence[Exported], experiments: dict[str, str]
) -> dict[str, Any]:
    run, experiment = source.run, source.run.experiment
    views = experiment.get("views", {}).get("number")
    return {
        "key": source.key,
        "name": run.name,
        "seed": run.seed,
        "about": run.about,
        "target": experiment["target"]["plugin"],
        "model": experiment["target"].get("model"),
        "fingerprint": run.info["target"]["fingerprint"],
        "encoding": experiment["encoding"]["plugin"],
        "scheme": experiment["scheme"]["plugin"],
        "views": views,
        "evaluations": run.evaluations,
        "images": sum(each.choice.source.key == source.key for each in exported),
        "experiment": experiments[source.key],
        "resolved": f"experiments/{source.key}.json",
    }


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


def _cell(text: object) -> str:
    """Write text so that it stays in one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")
