"""The compiled renderer: draws a tape on a CPU with numba, many times faster than the plain one.

Compiled code runs without Python's lock, so that threads can share the work.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.cppn.compiled.loading import kernels
from neatfool.cppn.functions.colour import COLOUR_MAPS
from neatfool.cppn.functions.inputs import BY_COLUMN, BY_ROW

if TYPE_CHECKING:
    from neatfool.cppn.functions.bell import Lattice
    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.inputs import PixelGrid
    from neatfool.cppn.wiring.tape import Tape

PIXELS_AT_ONCE: Final = 1 << 16
"""The most pixels whose inputs are computed at once; they take 16 bytes each, 1 MiB in all."""

NARROWEST: Final = 16
"""With lines at least this long, a node that is the same in all lines, or all along a line, is
computed only once."""

WORTH_A_THREAD: Final = 1 << 21
"""The fewest values of nodes that are worth a thread: some 0.3 milliseconds of work."""

_COLOURS = tuple(COLOUR_MAPS)


def draw_tape(tape: Tape, grid: PixelGrid, colours: ColourMap, band_limit: float) -> torch.Tensor:
    """Draw N genomes at the P pixels of a grid: uint8 [N, C, P].

    Args:
        tape: The genomes.
        grid: The pixels.
        colours: The colour map.
        band_limit: The reach of a pixel, in native pixels; 0 for points.
    """
    images = np.empty((len(tape), colours.channels, grid.pixels), np.uint8)
    colour = _COLOURS.index(colours.name)
    across = len(grid.x)
    tiling = _Tiling.of(across)
    at_once = max(PIXELS_AT_ONCE // across, 1) * across
    for offset in range(0, grid.pixels, at_once):
        inputs = grid.tables(offset, min(offset + at_once, grid.pixels), band_limit).numpy()

        def work(
            genomes: slice, part: slice, inputs: np.ndarray = inputs, offset: int = offset
        ) -> None:
            _draw_part(tape, genomes, inputs, part, tiling, colour, images, offset)

        _share(work, len(tape), inputs.shape[2], tape.size * inputs.shape[2], tiling.tile)
    return torch.from_numpy(images)


def smooth_bytes(points: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    """Turn points into pixels: uint8 [N, C, h, w] into [N, C, H, W]."""
    # Not compiled before some picture has a band limit.
    from neatfool.cppn.compiled.smoothing import smooth

    count, channels, height, width = points.shape
    down, across = lattice.down, lattice.across
    tall, wide = len(down.first), len(across.first)
    pixels = np.empty((count * channels, tall, wide), np.uint8)
    given = points.flatten(0, 1).numpy()

    def work(images: slice, _: slice) -> None:
        more = kernels().lanes
        sides = (width, height), (wide + 1, max(height, wide)), (height, wide)
        scratch = (np.empty((side, line + more), np.float32) for side, line in sides)
        weights = down.first, down.weights, across.first, across.weights
        smooth(given[images], *weights, pixels[images], *scratch)

    _share(work, len(given), 1, 4 * pixels.size, 1)
    return torch.from_numpy(pixels).view(count, channels, tall, wide)


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


def _draw_part(
    tape: Tape,
    genomes: slice,
    inputs: np.ndarray,
    pixels: slice,
    tiling: _Tiling,
    colour: int,
    images: np.ndarray,
    offset: int,
) -> None:
    """Draw some genomes at some pixels."""
    kernels().draw(
        tape.bounds[genomes.start :],
        tape.nodes,
        tape.numbers,
        tape.sources,
        tape.factors,
        tape.outputs[genomes],
        0,
        genomes.stop - genomes.start,
        inputs,
        pixels.start,
        pixels.stop,
        *vars(tiling).values(),
        colour,
        images[genomes],
        offset,
        *_scratch(tape.rows, tape.terms),
        None if tape.is_common else True,
        None if len(inputs) == 1 else True,
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


def _scratch(rows: int, terms: int) -> tuple[np.ndarray, ...]:
    """Give scratch memory, the same for each call in a thread."""
    tile, lanes = kernels().tile, kernels().lanes
    table: np.ndarray | None = getattr(_memory, "table", None)
    if table is None or table.shape[1] < rows:
        table = _memory.table = _aligned(3 * rows, tile + lanes).reshape(3, rows, -1)
        _memory.lines = _aligned(3 * rows, lanes).reshape(3, rows, -1)
        _memory.channels = _aligned(3, tile + lanes)
    own = np.empty(terms, np.float32), np.empty(terms, np.int32)
    return table, _memory.lines, *own, _memory.channels


def _aligned(rows: int, columns: int) -> np.ndarray:
    """Give a table that begins at a line of the processor's cache, of 64 bytes."""
    memory = np.zeros(rows * columns + 16, np.float32)
    skipped = -(memory.ctypes.data // memory.itemsize) % 16
    return memory[skipped : skipped + rows * columns].reshape(rows, columns)


@cache
def _pool(_process: int, threads: int) -> ThreadPoolExecutor:
    # One a process: a forked process would inherit the executor without its threads.
    return ThreadPoolExecutor(threads, "neatfool-render")
