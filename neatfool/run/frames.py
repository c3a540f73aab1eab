"""A run as pandas data frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neatfool.errors import ExperimentError
from neatfool.run.individual import EliteView
from neatfool.run.statistics import GenerationReport

if TYPE_CHECKING:
    import pandas as pd


def history_frame(history: Iterable[GenerationReport], *, is_objective: bool) -> pd.DataFrame:
    """Give the statistics of generations, a row each."""
    rows = [report.row() for report in history]
    if is_objective:
        rows = [{k: v for k, v in row.items() if not k.startswith("classes_ge")} for row in rows]
    return _data_frame(rows, "frame")


def archive_frame(elites: Iterable[EliteView]) -> pd.DataFrame:
    """Give elites, a row each."""
    rows = []
    for elite in elites:
        row: dict[str, Any] = {"index": elite.index, "objective": elite.score}
        row |= {f"measures_{n}": value for n, value in enumerate(elite.measures)}
        row |= {"niche": elite.name, "rank": elite.rank, "candidate": elite.candidate_id}
        rows.append({**row, "generation": elite.generation, **asdict(elite.size)})
    return _data_frame(rows, "archive")


def _data_frame(rows: list[dict[str, Any]], method: str) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise ExperimentError(f"Run.{method}: needs pandas; pip install pandas") from None
    return pd.DataFrame(rows)
