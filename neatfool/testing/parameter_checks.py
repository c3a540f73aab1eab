"""How an encoding with parameters reads, writes and differentiates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.search.seeds import derive_seed
from neatfool.testing.encoding_subject import expect_same, pixels_of
from neatfool.testing.expectation import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.testing.encoding_subject import EncodingSubject

METHODS: Final = ("parameters", "with_parameters", "parameter_gradients")
MOVE: Final = 0.05
GAIN: Final = 60.0
"""What a step along the gradient is to gain: much more than rounding to bytes hides."""
STEEP: Final = 1.0
"""Below, an image hardly depends on the parameters."""
TRIALS: Final = 4


def check_parameters_are_all_there_or_none(subject: EncodingSubject) -> None:
    """An encoding has all three methods, or none of them."""
    there = [name for name in METHODS if hasattr(subject.encoding, name)]
    expect(
        len(there) in (0, len(METHODS)),
        f"there is {', '.join(there)}; an encoding has all of {', '.join(METHODS)}, or none",
    )


def check_parameters_are_written_back(subject: EncodingSubject) -> None:
    """``with_parameters`` makes genomes that ``parameters`` reads the same numbers from."""
    encoding: Any = subject.encoding
    if not hasattr(encoding, "with_parameters"):
        return
    genomes, before = subject.children, subject.texts(subject.children)
    rows = _rows(encoding.parameters(genomes), genomes, "parameters()")
    expect_same(
        before, subject.texts(encoding.with_parameters(genomes, rows)), "with_parameters(own ones)"
    )
    draw = np.random.default_rng(derive_seed("parameters"))
    moved = [row + draw.normal(0, MOVE, len(row)) for row in rows]
    written = encoding.with_parameters(genomes, moved)
    expect(subject.texts(genomes) == before, "with_parameters() changed the genomes it was given")
    found = _rows(encoding.parameters(written), genomes, "parameters()")
    apart = [np.abs(a - b).max(initial=0.0) for a, b in zip(found, moved, strict=True)]
    # Beyond the end of a range a number may be held back, but not by more than it moved.
    far = 5 * MOVE
    expect(
        max(apart) <= far and sum(map(len, rows)) > 0,
        f"numbers written by with_parameters() are read {max(apart):.2g} apart; parameters() "
        "gives them in the same order, and there are some",
    )
    expect_same(
        subject.texts(written),
        subject.texts(encoding.with_parameters(written, found)),
        "with_parameters(own ones) of changed genomes",
    )


def check_parameter_gradients_lead_uphill(subject: EncodingSubject) -> None:
    """A step along ``parameter_gradients`` gains what they promise."""
    encoding: Any = subject.encoding
    if not hasattr(encoding, "parameter_gradients"):
        return
    genomes = subject.children
    rows = encoding.parameters(genomes)
    kept: list[float] = []
    draw = np.random.default_rng(derive_seed("pixels"))
    weights = draw.normal(0, 1, (TRIALS, len(genomes), *subject.spec.shape)).astype(np.float32)
    found = encoding.parameter_gradients(genomes, weights)
    expect(
        all(np.shape(slopes) == (TRIALS, len(row)) for slopes, row in zip(found, rows, strict=True))
        and all(slopes.dtype == np.float64 and np.isfinite(slopes).all() for slopes in found),
        f"parameter_gradients() gives for each genome float64 [{TRIALS}, P], all finite, if it is "
        f"given float32 [{TRIALS}, N, C, H, W]",
    )
    for genome, row, slopes, of_genome in zip(
        genomes, rows, found, weights.swapaxes(0, 1), strict=True
    ):
        for slope, weight in zip(slopes, of_genome, strict=True):
            if np.linalg.norm(slope) < STEEP:
                continue
            step = GAIN / 2 * slope / (slope**2).sum()
            there, back = (
                (weight * pixels_of(encoding.render(changed))[0]).sum(dtype=np.float64)
                for changed in (
                    encoding.with_parameters([genome], [row + side]) for side in (step, -step)
                )
            )
            kept.append(float(there - back) / GAIN)
    expect(len(kept) > 0, "parameter_gradients() gave nothing but zeros")
    # A few genomes are anything but linear.
    usual = float(np.median(kept))
    expect(
        0.5 < usual < 1.5,
        f"steps along parameter_gradients() usually gained {usual:.2g} times what they promised; "
        "gradients are by the parameters, in their order, and given by grey levels",
    )


def _rows(rows: Any, genomes: Sequence[Any], what: str) -> list[np.ndarray]:
    expect(
        len(rows) == len(genomes)
        and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows)
        and all(row.dtype == np.float64 and np.isfinite(row).all() for row in rows),
        f"{what} gives for each genome a numpy array, float64 [P], of finite numbers",
    )
    return list(rows)
