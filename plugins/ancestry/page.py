"""The page of an ancestry: one HTML file with flows, tests and sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import encode_png
from neatfool.present import embed_png, embed_svg, write_page

from . import wording
from .charts import chance, chords, course, matrix, strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ancestry import Across, Ancestry
    from .sweeping import Swept

LARGEST: Final = 640
"""Pixels of the longer side of a strip of nine pictures."""
SMALL: Final = 160
"""Pixels of an individual's own picture."""


def write_ancestry(told: Sequence[Ancestry], across: Across | None, path: Path) -> Path:
    """Write what the lineages tell: one HTML file that needs no network.

    Raises:
        StorageError: The file cannot be written.
    """
    return write_page(path, Path(__file__).with_name("page.html.j2"), _content(told, across))


def _content(told: Sequence[Ancestry], across: Across | None) -> dict[str, Any]:
    return {
        "words": wording,
        "told": told,
        "across": across,
        "title": " · ".join(dict.fromkeys(each.run.name for each in told)),
        "runs": [_run(each) for each in told],
        "between": []
        if across is None
        else [
            {"question": question, "row": row, "picture": embed_svg(chance(finding))}
            for (question, row), finding in zip(
                wording.across_rows(across),
                [
                    found[space]
                    for found in (across.same, across.related)
                    for space in sorted(found, reverse=True)
                ],
                strict=True,
            )
        ],
    }


def _run(told: Ancestry) -> dict[str, Any]:
    flows = told.flows.counts.sum() > 0
    sweeping = told.sweeping
    return {
        "told": told,
        "chords": embed_svg(chords(told.flows)) if flows else None,
        "matrix": embed_svg(matrix(told.flows)) if flows else None,
        "tests": [
            {
                "question": question,
                "row": wording.test_row(name, told.findings[name]),
                "picture": embed_svg(chance(told.findings[name])),
            }
            for name, question in wording.QUESTIONS.items()
            if name in told.findings
        ],
        "course": embed_svg(course(sweeping.lines)) if sweeping and sweeping.lines else None,
        "lines": [
            {
                "line": line,
                "rows": wording.line_rows(line),
                "shown": [_shown(each) for each in line.swept if each.rows],
            }
            for line in (sweeping.lines if sweeping else [])
        ],
        "pairs": wording.pair_rows(sweeping.pairs) if sweeping else [],
    }


def _shown(swept: Swept) -> dict[str, Any]:
    individual = swept.individual
    return {
        "picture": embed_png(encode_png(individual.pixels(SMALL)), SMALL),
        "caption": individual.caption,
        "made": swept.kind,
        "fracture": wording.number(swept.sweeps.fracture, 2),
        "entangled": wording.number(swept.sweeps.entangled, 2),
        "rows": [
            (label, embed_png(encode_png(strip(pictures)), LARGEST))
            for label, pictures in swept.rows
        ],
    }
