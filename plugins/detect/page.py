"""The page of a detection: one HTML file with a table and a histogram for each detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neatfool.report import embed_svg, write_page

from . import wording
from .charts import histograms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .seen import Seen


def write_detection(seen: Sequence[Seen], path: Path) -> Path:
    """Write what detectors would have caught: one HTML file that needs no network.

    Raises:
        StorageError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "words": wording,
        "title": " · ".join(dict.fromkeys(each.run.name for each in seen)),
        "seen": [
            {
                "what": each,
                "levels": wording.levels(each.detection),
                "rows": [
                    (row, embed_svg(histograms(row, wording.levels(each.detection))))
                    for row in each.detection.rows
                ],
            }
            for each in seen
        ],
    }
    return write_page(path, Path(__file__).with_name("page.html.j2"), content)
