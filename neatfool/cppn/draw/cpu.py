"""The compiled renderer: draws a tape on a CPU with numba, many times faster than the plain one.

Compiled code runs without Python's lock, so that threads can share the work. It is loaded when it
is first needed, as numba may be missing or may not work.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
import torch
from numpy import ndarray as Array

from neatfool.cppn.draw.colour import COLOUR_MAPS
from neatfool.cppn.draw.lattice import BY_COLUMN, BY_ROW, Lattice, whole_tables
from neatfool.cppn.tape import Tape
from neatfool.errors import ExperimentError

PIXELS_AT_ONCE: Final = 1 << 16
"""The most pixels whose inputs are computed at once; they take 16 bytes each, 1 MiB in all."""

NARROWEST: Final = 16
"""With lines at least this long, a node that is the same in all lines, or all along a line, is
computed only once."""

WORTH_A_THREAD: Final = 1 << 21
"""The fewest values of nodes that are worth a thread: some 0.3 milliseconds of work."""

_log = logging.getLogger("neatfool.cppn")


@cache
def can_compile(limited: bool = False) -> bool:
    """Load the compiled renderer; tell whether it works here, and log why if it does not.

    That takes about half a second; the first time on a machine, when it is compiled, several.

    Args:
        limited: Whether it is to draw with a band limit.
    """
    try:
        load_compiled(limited)
    except ExperimentError as error:
        why = error.__cause__
        _log.warning(
            "the plain renderer draws, which takes several times as long: numba does not work here "
            "(%s: %s); pip install numba",
            type(why).__name__,
            why,
        )
        return False
    return True


@cache
def load_compiled(limited: bool = False) -> ModuleType:
    """Load the compiled renderer now, and not at the first image.

    This takes about half a second, but several the first time on a machine, when it is compiled.

    Args:
        limited: Whether it is to draw with a band limit.

    Raises:
        ExperimentError: numba is missing, or does not work.
    """
    try:
        kernel = import_module("neatfool.cppn.draw.kernel")
        kernel.compile_draw(limited=limited)
    except Exception as error:  # Internals of numba are used, which another version may change.
        raise ExperimentError(
            "[encoding] renderer = compiled: numba does not work here "
            f"({type(error).__name__}: {error}); pip install numba, or say renderer = plain"
        ) from error
    return kernel


def draw_tape(tape: Tape, lattice: Lattice) -> torch.Tensor:
    """Draw N genomes at the P points of a lattice: uint8 [N, C, P]."""
    look = lattice.look
    kernel, colours = load_compiled(bool(look.band_limit)), look.colours
    images = np.empty((len(tape), colours.channels, lattice.points), np.uint8)
    colour, across = list(COLOUR_MAPS).index(colours.name), len(lattice.x)
    tiling: tuple[int, ...] = (kernel.TILE, kernel.TILE, -1, -1)
    if NARROWEST <= across <= kernel.TILE:
        tiling = min(kernel.TILE // across, kernel.LANES) * across, across, BY_COLUMN, BY_ROW
    genes = tape.nodes, tape.biases, tape.sources, tape.factors
    others = None if tape.is_common else kernel.find_others(tape.nodes[: tape.size, 0])
    at_once = max(PIXELS_AT_ONCE // across, 1) * across
    for offset in range(0, lattice.points, at_once):
        stop = min(offset + at_once, lattice.points)
        if stop - offset == lattice.points:  # the same as for the images before, most likely
            inputs = whole_tables(lattice).numpy()
        else:
            inputs = lattice.tables(offset, stop).numpy()

        def work(genomes: slice, part: slice, inputs: Array = inputs, offset: int = offset) -> None:
            kernel.draw(
                (tape.bounds[genomes.start :], *genes, tape.outputs[genomes]),
                inputs,
                (part.start, part.stop),
                tiling,
                colour,
                images[genomes],
                offset,
                _scratch(tape.rows, kernel.TILE + kernel.LANES, kernel.LANES),
                others,
                None if len(inputs) == 1 else True,
            )

        share(work, len(tape), inputs.shape[2], tape.size * inputs.shape[2], tiling[0])
    return torch.from_numpy(images)


def share(
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


def _scratch(rows: int, wide: int, lanes: int) -> tuple[Array, ...]:
    """Give scratch memory, the same for each call in a thread."""
    table: Array | None = getattr(_memory, "table", None)
    if table is None or table.shape[1] < rows:
        table = _memory.table = _aligned(3 * rows, wide).reshape(3, rows, -1)
        _memory.lines = _aligned(3 * rows, lanes).reshape(3, rows, -1)
        _memory.channels = _aligned(3, wide)
    return table, _memory.lines, _memory.channels


def _aligned(rows: int, columns: int) -> Array:
    """Give a table that begins at a line of the processor's cache, of 64 bytes."""
    memory = np.zeros(rows * columns + 16, np.float32)
    skipped = -(memory.ctypes.data // memory.itemsize) % 16
    return memory[skipped : skipped + rows * columns].reshape(rows, columns)


@cache
def _pool(_process: int, threads: int) -> ThreadPoolExecutor:
    # One a process: a forked process would inherit the executor without its threads.
    return ThreadPoolExecutor(threads, "neatfool-render")
