"""Checks of how an encoding reads, writes and differentiates parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.search.seeds import derive_seed
from neatfool.testing.encoding_subject import expect_same, pixels_of
from neatfool.testing.expectation import expect, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.testing.encoding_subject import EncodingSubject

METHODS: Final = ("parameters", "with_parameters", "parameter_gradients")
MOVE: Final = 0.05
GAIN: Final = 60.0
"""A step along the gradient should gain this much, far more than rounding to bytes hides."""
STEEP: Final = 1.0
"""An image with a smaller gradient hardly depends on its parameters."""
TRIALS: Final = 4


def check_parameters_are_all_there_or_none(subject: EncodingSubject) -> None:
    """An encoding has all three methods, or none of them."""
    there = [name for name in METHODS if hasattr(subject.encoding, name)]
    expect(
        len(there) in (0, len(METHODS)),
        f"it has {', '.join(there)}; an encoding has all of {', '.join(METHODS)}, or none",
    )


def check_parameters_are_written_back(subject: EncodingSubject) -> None:
    """``parameters`` reads the numbers that ``with_parameters`` wrote."""
    encoding: Any = subject.encoding
    require(hasattr(encoding, "with_parameters"), "it has no with_parameters")
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
    # A number beyond its range may be clipped, but not by more than it moved.
    far = 5 * MOVE
    expect(
        max(apart) <= far and sum(map(len, rows)) > 0,
        f"parameters() reads what with_parameters() wrote with an error of {max(apart):.2g}, or "
        "reads nothing; keep the same order",
    )
    expect_same(
        subject.texts(written),
        subject.texts(encoding.with_parameters(written, found)),
        "with_parameters(own ones) of changed genomes",
    )


def check_parameter_gradients_lead_uphill(subject: EncodingSubject) -> None:
    """A step along ``parameter_gradients`` changes the image as they predict."""
    encoding: Any = subject.encoding
    require(hasattr(encoding, "parameter_gradients"), "it has no parameter_gradients")
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
    # A few genomes are far from linear.
    usual = float(np.median(kept))
    expect(
        0.5 < usual < 1.5,
        f"steps along parameter_gradients() gained {usual:.2g} times what they predict; give "
        "gradients by the parameters, in their order, and take gradients by grey levels",
    )


def _rows(rows: Any, genomes: Sequence[Any], what: str) -> list[np.ndarray]:
    expect(
        len(rows) == len(genomes)
        and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows)
        and all(row.dtype == np.float64 and np.isfinite(row).all() for row in rows),
        f"{what} gives for each genome a numpy array, float64 [P], of finite numbers",
    )
    return list(rows)
