"""Runs a program on a device over pixels, tile by tile.

A tile is a range of pixels. It is so small that the values of all rows stay in a cache (or fit on a
GPU), and so large that calling an operation costs little in comparison. Each operation treats an
element alike wherever it lies, so that a value depends neither on the tile nor on the batch nor on
the number of threads.

A row has a table of values and, where nodes fade, two of derivatives: [T, P].
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np
import torch
from torch.nn import functional as F

from neatfool.cppn.activations import LIMIT
from neatfool.cppn.formulas import by_numpy
from neatfool.cppn.program import PARAMETERS, Program, ProgramStep
from neatfool.cppn.torch_formulas import by_torch
from neatfool.network.devices import threads_with_cores

Inputs = Callable[[int, int], torch.Tensor]
Result = TypeVar("Result")

TILE_BYTES: Final = {"cpu": 6 << 20, "gpu": 512 << 20}
"""The most bytes of a tile's values: on a CPU they must stay in a cache."""

NARROWEST_TILE: Final = 64
"""The fewest pixels of a tile: weighted sums of fewer are slow."""


@dataclass(frozen=True, eq=False)
class _Operation:
    """A step with its numbers, on its device and in its precision."""

    step: ProgramStep
    sources: torch.Tensor
    factors: torch.Tensor
    offsets: torch.Tensor

    def arguments(self, rows: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """Compute the activations' arguments [n, T, P], given rows [R, T, P] and those of terms."""
        tables, pixels = rows.shape[1:]
        z = F.embedding_bag(
            sources, rows.flatten(1), self.offsets, mode="sum", per_sample_weights=self.factors
        ).view(len(self.offsets), tables, pixels)
        return z.nan_to_num(LIMIT, LIMIT, -LIMIT)

    def activate(self, arguments: torch.Tensor, on_cpu: bool) -> Iterator[tuple[slice, Any]]:
        """Give the tables of each block of rows, [T, n, P], as arrays on a CPU."""
        perform = by_numpy if on_cpu else by_torch
        for activation, rows in self.step.blocks:
            given = arguments[rows].unbind(1)
            formula = activation.at_points if len(given) == 1 else activation.within_reach
            own = [each.numpy() for each in given] if on_cpu else given
            yield rows, formula.evaluate(perform, *own)


def on_one_core(work: Callable[[], Result]) -> Result:
    """Call a function in a thread where torch uses one core, and wait for its result.

    A render has hundreds of operations of some 10 microseconds, too short to be divided among
    threads that then wait for each other. Threads that render a tile each wait for Python's lock.
    """
    if torch.get_num_threads() == 1:
        return work()
    return _worker(os.getpid()).submit(work).result()


@cache
def _worker(_process: int) -> ThreadPoolExecutor:
    # One a process: a forked process would inherit the executor without its thread.
    return threads_with_cores("neatfool-render", 1)


class ProgramRunner:
    """A program on a device, float32 or float64, perhaps with other numbers than its own."""

    def __init__(
        self,
        program: Program,
        dtype: torch.dtype,
        device: torch.device,
        **given: torch.Tensor,
    ) -> None:
        self._rows = program.rows
        self._dtype = dtype
        self._device = device
        self._on_cpu = device.type == "cpu"
        own = [given.get(name, getattr(program, name)) for name in PARAMETERS]
        first = program.inputs + 1
        parts = [slice(step.rows.start - first, step.rows.stop - first) for step in program.steps]
        self._outputs, sources = program.outputs.to(device), program.sources.to(device)
        begins = program.nodes[:, 1].to(device)
        factors = program.factors(*own).to(device, dtype)
        self._operations = [
            _Operation(
                step, sources[step.terms], factors[step.terms], begins[part] - step.terms.start
            )
            for part, step in zip(parts, program.steps, strict=True)
        ]

    def differentiate(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the outputs [N, O, T, P] of inputs [T, I, P], keeping all that gradients need."""
        ones = torch.zeros_like(inputs[:, 0])
        ones[0] = 1.0
        rows = [*inputs.unbind(1), ones]
        for operation in self._operations:
            # Only the rows that are used: all rows at each level, and again for the gradients,
            # would take time and memory that grow with the square of the depth.
            used, places = np.unique(operation.sources.cpu().numpy(), return_inverse=True)
            own = torch.zeros_like(inputs[:, :1]).transpose(0, 1)
            if len(used):
                own = torch.stack([rows[row] for row in used.tolist()])
            sources = torch.from_numpy(places.astype(np.int32)).to(inputs.device)
            arguments = operation.arguments(own, sources)
            for _, tables in operation.activate(arguments, on_cpu=False):
                rows += torch.stack([each.expand_as(tables[0]) for each in tables], 1)
        outputs = self._outputs.tolist()
        return torch.stack([torch.stack([rows[row] for row in own]) for own in outputs])

    def run(self, pixels: int, tables: int, inputs: Inputs) -> Iterator[tuple[slice, torch.Tensor]]:
        """Give some pixels, and the outputs [N, O, T, p] there, tile by tile.

        There is 1 table, or 3 with derivatives; ``inputs(start, stop)`` gives those of pixels, [T,
        I, p].
        """
        widest = TILE_BYTES["cpu" if self._on_cpu else "gpu"]
        widest //= tables * self._rows * self._dtype.itemsize
        tiles = max(-(-pixels // max(widest, NARROWEST_TILE)), 1)
        width = max(-(-pixels // (tiles * 16)), 1) * 16  # pixels are divided evenly
        shape = self._rows, tables, width
        whole = torch.empty(shape, dtype=self._dtype, device=self._device)
        with np.errstate(all="ignore"):
            for start in range(0, pixels, width):
                stop = min(start + width, pixels)
                rows = whole.flatten()[: self._rows * tables * (stop - start)]
                rows = rows.view(self._rows, tables, stop - start)
                self._fill(rows, inputs(start, stop))
                found = rows.index_select(0, self._outputs.flatten())
                yield slice(start, stop), found.view(*self._outputs.shape, *rows.shape[1:])

    def _fill(self, rows: torch.Tensor, inputs: torch.Tensor) -> None:
        """Fill the rows [R, T, P], given the inputs [T, I, P]."""
        ones = inputs.shape[1]
        rows[:ones], rows[ones] = inputs.transpose(0, 1), 0.0
        rows[ones, 0] = 1.0
        for operation in self._operations:
            arguments = operation.arguments(rows, operation.sources)
            # numpy's functions are the faster ones on a CPU.
            for block, tables in operation.activate(arguments, self._on_cpu):
                own = rows[operation.step.rows][block]
                for place, table in enumerate(tables):
                    own[:, place] = torch.as_tensor(table)
