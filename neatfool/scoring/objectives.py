"""Checks the answers of objectives, whose scores are any real numbers."""

from typing import Any

import numpy as np

from neatfool.errors import TargetError
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores, as_array, as_numbers


def check_objective(answer: Any, count: int, spec: ImageSpec, name: str) -> Scores:
    """Check an objective's answer; with a grid, give each image its score in its cell alone."""
    values, measures, ok = answer, None, np.ones(count, np.bool_)
    if isinstance(answer, Scores):
        values, measures = answer.probs, answer.measures
        if answer.ok is not None:
            ok = as_array(answer.ok, "ok", (count,), name).astype(bool)
    elif isinstance(answer, tuple) and len(answer) == 2 and spec.grid:
        values, measures = answer
    if spec.grid and measures is None:
        fault = "an objective with a grid returns (scores [N], measures [N, D])"
        raise TargetError(f"{name}: score() returned no measures; {fault}")
    columns = 1 if spec.grid else len(spec.classes)
    scores = _table(values, "the scores", (count, columns), "niches", name)
    ok &= np.isfinite(scores).all(axis=1)
    if not spec.grid:
        scores = np.where(ok[:, None], scores, 0.0)
        return Scores(scores, scores, ok, alone=True)
    measures = _table(measures, "the measures", (count, len(spec.grid)), "measures", name)
    ok &= np.isfinite(measures).all(axis=1)
    measures = np.where(ok[:, None], measures, 0.0)
    in_cells = np.full((count, len(spec.classes)), -np.inf)
    in_cells[np.arange(count), spec.cells(measures)] = np.where(ok, scores[:, 0], -np.inf)
    return Scores(in_cells, in_cells, ok, alone=True, measures=measures)


def _table(values: Any, what: str, shape: tuple[int, int], columns: str, name: str) -> np.ndarray:
    """Turn numbers into float64 [N, columns]; [N] is one column."""
    table = as_numbers(values, what, name).astype(np.float64)
    if shape[1] == 1 and table.shape == shape[:1]:
        table = table[:, None]
    if table.shape != shape:
        fault = f"{what} have shape {table.shape}, not [images, {columns}] = {shape}"
        raise TargetError(f"{name}: {fault}")
    return table
