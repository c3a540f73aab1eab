"""The compiled renderer: draws a tape on a CPU with numba, many times faster than the plain one.

Compiled code runs without Python's lock, so that threads can share the work.
"""

from __future__ import annotations

import os
import threading
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
    from collections.abc import Iterator

    from neatfool.cppn.compiled.tape import Tape
    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.inputs import PixelGrid

PIXELS_AT_ONCE: Final = 1 << 16
"""The most pixels whose inputs are computed at once; they take 16 bytes each, 1 MiB in all."""

NARROWEST: Final = 16
"""With lines at least this long, a node that is the same in all lines, or all along a line, is
computed only once."""

WORTH_A_THREAD: Final = 1 << 21
"""The fewest values of nodes that are worth a thread: some 0.3 milliseconds of work."""

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
    draw, tiling = kernels().draw, _Tiling.of(across)

    def work(genomes: slice, pixels: slice) -> None:
        draw(
            *tape.arrays,
            genomes.start,
            genomes.stop,
            inputs,
            pixels.start,
            pixels.stop,
            *vars(tiling).values(),
            target.colour,
            target.images,
            target.raw,
            target.offset,
            *_scratch(tape.rows, tape.terms, target.images.shape[1]),
        )

    values = tape.size * inputs.shape[1]
    threads = min(torch.get_num_threads(), values // WORTH_A_THREAD)
    parts = list(share_out(len(tape), inputs.shape[1], threads, tiling.tile))
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
