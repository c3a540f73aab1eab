"""What must be equal in the databases of equal runs."""

from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from neatfool.run.schema import TABLES, columns
from neatfool.run.statistics import Stages
from neatfool.run.store import RunStore

HOW_IT_WAS_RUN: Final = {
    "generation": tuple(stage.name for stage in fields(Stages)),
    "info": ("clock", "experiment", "scoring", "text"),
    "request": ("number", "images", "outcome"),
}
"""Columns of a table, or keys of ``info``, that may differ between equal runs. (The key
``identity`` has the part of the experiment that the result depends on.)"""


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that must be equal in the databases of equal runs: the rows of each table.

    They are in the order of their keys, without :data:`HOW_IT_WAS_RUN`.
    """
    with closing(RunStore.open(path)) as store:
        return {table: _comparable(store, table) for table in sorted(TABLES)}


def _comparable(store: RunStore, table: str) -> list[tuple[Any, ...]]:
    left_out = HOW_IT_WAS_RUN.get(table, ())
    if not (kept := [name for name in columns(table) if name not in left_out]):
        return []
    rows = store.rows(table, "ORDER BY 1, 2", names=", ".join(kept))
    place = kept.index("genome") if "genome" in kept else None  # the last one
    # Another version of zlib may write other bytes for the same text.
    return [
        row if place is None else (*row[:place], store.text_of(row[0], row[place]))
        for row in rows
        if row[0] not in left_out
    ]
