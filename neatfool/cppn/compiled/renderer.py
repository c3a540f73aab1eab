"""The compiled renderer: draws a tape on a CPU with numba, many times faster than the plain one.

Compiled code runs without Python's lock, so that threads can share the work.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.cppn.compiled.loading import kernels
from neatfool.cppn.functions.colour import COLOUR_MAPS
from neatfool.cppn.functions.inputs import BY_COLUMN, BY_ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neatfool.cppn.compiled.tape import Tape
    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.inputs import PixelGrid
    from neatfool.cppn.functions.surroundings import Surroundings

PIXELS_AT_ONCE: Final = 1 << 16
"""The most pixels whose inputs are computed at once; they take 16 bytes each, 1 MiB in all."""

NARROWEST: Final = 16
"""With lines at least this long, a node that is the same in all lines, or all along a line, is
computed only once."""

WORTH_A_THREAD: Final = 1 << 21
"""The fewest values of nodes that are worth a thread: some 0.3 milliseconds of work."""

AT_ONCE: Final = 8
"""The most genomes whose samples are drawn before they become pixels."""

_COLOURS = tuple(COLOUR_MAPS)


def compute_tape(tape: Tape, inputs: torch.Tensor) -> torch.Tensor:
    """Compute the outputs of N genomes, float32 [N, O, P], from inputs, float32 [I, P]."""
    raw = np.empty((*tape.outputs.shape, inputs.shape[1]), np.float32)
    images = np.empty((0, 0, 0), np.uint8)
    _draw(tape, inputs.contiguous().numpy(), _Target(-1, images, raw, 0), None)
    return torch.from_numpy(raw)


def draw_tape(tape: Tape, grid: PixelGrid, colours: ColourMap) -> torch.Tensor:
    """Draw N genomes at the P pixels of a grid: uint8 [N, C, P]."""
    images = np.empty((len(tape), colours.channels, grid.pixels), np.uint8)
    raw = np.empty((0, 0, 0), np.float32)
    colour = _COLOURS.index(colours.name)
    across = len(grid.x)
    at_once = max(PIXELS_AT_ONCE // across, 1) * across
    for start in range(0, grid.pixels, at_once):
        inputs = grid.inputs(start, min(start + at_once, grid.pixels)).numpy()
        _draw(tape, inputs, _Target(colour, images, raw, start), across)
    return torch.from_numpy(images)


def draw_smooth_tape(tape: Tape, around: Surroundings, colours: ColourMap) -> torch.Tensor:
    """Draw N genomes, each pixel the mean of the samples around it: uint8 [N, C, P]."""
    smoothing, inputs = _prepare(around)
    images = np.empty((len(tape), colours.channels, *smoothing.shape), np.uint8)
    pixels = inputs[0].shape[1]
    tiling = _Tiling.of(len(around.grids[0].x))
    colour, nothing = _COLOURS.index(colours.name), np.empty((0, 0, 0), np.float32)

    def work(genomes: slice, _: slice) -> None:
        # A few genomes at a time, so that their samples stay in the processor's cache.
        samples = np.empty((len(inputs), AT_ONCE, colours.channels, pixels), np.uint8)
        scratch = smoothing.scratch()
        for start in range(genomes.start, genomes.stop, AT_ONCE):
            own = slice(start, min(start + AT_ONCE, genomes.stop))
            for part, given in zip(samples, inputs, strict=True):
                target = _Target(colour, part, nothing, 0)
                _draw_part(tape, own, given, slice(0, pixels), tiling, target)
            smoothing.run(samples, images[own], scratch)

    _share(work, len(tape), 1, tape.size * pixels * len(inputs), 1)
    return torch.from_numpy(images).flatten(2)


@lru_cache(maxsize=4)
def _prepare(around: Surroundings) -> tuple[_Smoothing, list[np.ndarray]]:
    """Prepare the smoothing, and the inputs at all samples: 16 bytes each."""
    return _Smoothing(around), [grid.inputs(0, grid.pixels).numpy() for grid in around.grids]


class _Smoothing:
    """How samples become pixels, as arguments of :func:`neatfool.cppn.compiled.smoothing.smooth`.

    Attributes:
        shape: The height and the width of the image.
    """

    def __init__(self, around: Surroundings) -> None:
        # Not compiled before some pixel is smooth.
        from neatfool.cppn.compiled.smoothing import ROWS, smooth

        self._rows, self._smooth = ROWS, smooth
        grid, lanes = around.grids[0], kernels().lanes
        self._samples = len(grid.y), len(grid.x)
        first = np.stack([each.first for each in around.across])
        across = np.stack([each.weights.T for each in around.across])
        grids, taps, width = across.shape
        down = np.stack([each.weights for each in around.down], 1) / np.float32(grids)
        self.shape = len(down), width
        beyond = -width % lanes
        factors = np.empty((grids, 0), np.float32)
        if alike := [each.kernel for each in around.across if each.kernel is not None]:
            across = np.stack(alike)[:, :, None]
            scale = [each.scale for each in around.across]
            factors = np.pad(scale, ((0, 0), (0, beyond)))
        self._arguments = (
            first + taps,
            np.ascontiguousarray(across),
            np.ascontiguousarray(factors),
            np.stack([each.first for each in around.down], 1),
            down,
        )
        self._wide = width + beyond
        self._line = max(len(grid.x) + 2 * taps, width) + lanes

    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        """Make the scratch memory of one thread."""
        lines = np.empty((len(self._arguments[0]) * self._samples[0], self._wide), np.float32)
        return lines, np.zeros((self._rows + 1, self._line), np.float32)

    def run(self, samples: np.ndarray, images: np.ndarray, scratch: tuple[np.ndarray, ...]) -> None:
        """Turn samples, uint8 [S, >= n, C, p], into images, uint8 [n, C, H, W]."""
        shaped = samples.reshape(*samples.shape[:3], *self._samples)
        self._smooth(shaped, *self._arguments, images, *scratch)


@dataclass(frozen=True)
class _Tiling:
    """The division of pixels, as arguments of :func:`neatfool.cppn.compiled.kernel.draw`."""

    tile: int
    across: int
    by_column: int
    by_row: int

    @classmethod
    def of(cls, across: int | None) -> _Tiling:
        """Divide lines of ``across`` pixels; None for pixels that form no lines."""
        tile, lanes = kernels().tile, kernels().lanes
        if across is None or not NARROWEST <= across <= tile:
            return cls(tile, tile, -1, -1)
        return cls(min(tile // across, lanes) * across, across, BY_COLUMN, BY_ROW)


@dataclass(frozen=True, eq=False)
class _Target:
    """The results, as arguments of :func:`neatfool.cppn.compiled.kernel.draw`."""

    colour: int
    images: np.ndarray
    raw: np.ndarray
    offset: int


def _draw(tape: Tape, inputs: np.ndarray, target: _Target, across: int | None) -> None:
    """Draw all genomes at some pixels, in as many threads as the work is worth."""
    tiling, pixels = _Tiling.of(across), inputs.shape[1]

    def work(genomes: slice, part: slice) -> None:
        own = _Target(target.colour, target.images[genomes], target.raw[genomes], target.offset)
        _draw_part(tape, genomes, inputs, part, tiling, own)

    _share(work, len(tape), pixels, tape.size * pixels, tiling.tile)


def _draw_part(
    tape: Tape,
    genomes: slice,
    inputs: np.ndarray,
    pixels: slice,
    tiling: _Tiling,
    target: _Target,
) -> None:
    """Draw some genomes at some pixels, to as many images."""
    bounds, *genes, outputs = tape.arrays
    kernels().draw(
        bounds[genomes.start :],
        *genes,
        outputs[genomes],
        0,
        genomes.stop - genomes.start,
        inputs,
        pixels.start,
        pixels.stop,
        *vars(tiling).values(),
        target.colour,
        target.images,
        target.raw,
        target.offset,
        *_scratch(tape.rows, tape.terms, target.images.shape[1]),
        None if tape.is_common else True,
    )


def _share(
    work: Callable[[slice, slice], None], genomes: int, pixels: int, values: int, tile: int
) -> None:
    """Divide work of so many values of nodes among as many threads as it is worth."""
    threads = min(torch.get_num_threads(), values // WORTH_A_THREAD)
    parts = list(share_out(genomes, pixels, threads, tile))
    if len(parts) == 1:
        work(*parts[0])
    else:
        list(_pool(os.getpid(), torch.get_num_threads()).map(work, *zip(*parts, strict=True)))


def share_out(genomes: int, pixels: int, threads: int, tile: int) -> Iterator[tuple[slice, slice]]:
    """Share the work among threads: the genomes, or the pixels if there are few genomes."""
    if threads <= 1:
        yield slice(0, genomes), slice(0, pixels)
    elif genomes >= 4 * threads:
        # More parts than threads, as genomes differ and other programs may use a core.
        size = -(-genomes // (4 * threads))
        for start in range(0, genomes, size):
            yield slice(start, min(start + size, genomes)), slice(0, pixels)
    else:
        size = -(-pixels // (4 * threads * tile)) * tile
        for start in range(0, pixels, size):
            yield slice(0, genomes), slice(start, min(start + size, pixels))


_memory = threading.local()


def _scratch(rows: int, terms: int, channels: int) -> tuple[np.ndarray, ...]:
    """Give scratch memory, the same for each call in a thread."""
    tile, lanes = kernels().tile, kernels().lanes
    table: np.ndarray | None = getattr(_memory, "table", None)
    if table is None or len(table) < rows + terms:
        table = _memory.table = _aligned(rows + terms, tile + lanes)
        _memory.lines = _aligned(rows + terms, lanes)
    return table[:rows], _memory.lines, table[rows:], np.empty((channels, tile), np.uint8)


def _aligned(rows: int, columns: int) -> np.ndarray:
    """Give a table that begins at a line of the processor's cache, of 64 bytes."""
    memory = np.zeros(rows * columns + 16, np.float32)
    skipped = -(memory.ctypes.data // memory.itemsize) % 16
    return memory[skipped : skipped + rows * columns].reshape(rows, columns)


@cache
def _pool(_process: int, threads: int) -> ThreadPoolExecutor:
    # One a process: a forked process would inherit the executor without its threads.
    return ThreadPoolExecutor(threads, "neatfool-render")
