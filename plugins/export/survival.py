"""What survives of each elite, if ``neatfool survive --report`` left it in the run's folder."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from neatfool import RunError, read_whole

if TYPE_CHECKING:
    from .choosing import Source

FILE: Final = "survival.csv"
CLOSE: Final = 1e-4
"""A figure is of an image if it says so much about the image's confidence as saved."""

Survival = dict[str, dict[str, Any]]
"""``"jpeg=75"`` -> the confidence then, and whether the class is first."""


def read_survival(source: Source) -> dict[int, Survival]:
    """Read RUN/survival.csv, if it is there.

    Rows of other runs are skipped, and those of elites that were replaced since.

    Returns:
        Class index -> its elite's survival.

    Raises:
        RunError: It is no such file.
    """
    file = source.run.path / FILE
    if not file.is_file():
        return {}
    saved: dict[str, float] = {}
    changed: dict[str, Survival] = defaultdict(dict)
    try:
        lines = io.StringIO(read_whole(file).decode(), newline="")
        for row in csv.DictReader(lines):
            if row["seed"] != str(source.run.seed):
                continue
            confidence = float(row["confidence"])
            if row["kind"] == "saved":
                saved[row["class"]] = confidence
            else:
                name = f"{row['kind']}={float(row['strength']):g}"
                first = row["first"] == "1"
                changed[row["class"]][name] = {"confidence": confidence, "first": first}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{file}: is not what `neatfool survive RUN --csv FILE` writes ({error}); write it "
            "anew, or move it away"
        ) from error
    return {
        elite.index: changed[elite.name]
        for elite in source.run.elites
        if elite.name in changed and abs(saved.get(elite.name, -1) - elite.confidence) <= CLOSE
    }


def share_that_survived(survival: Survival) -> float:
    """Give the share of the changes after which the class is still first."""
    return sum(bool(each["first"]) for each in survival.values()) / len(survival)
