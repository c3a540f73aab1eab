"""Runs a program on a device over pixels, tile by tile.

A tile is a range of pixels. It is so small that the values of all rows stay in a cache (or fit on a
GPU), and so large that calling an operation costs little in comparison. Each operation treats an
element alike wherever it lies, so that a value depends neither on the tile nor on the batch nor on
the number of threads.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.cppn.plain.program import Block, Program, Step

    Inputs = Callable[[int, int], torch.Tensor]
    Keep = Callable[[slice, slice, torch.Tensor], None]

TILE_BYTES: Final = {"cpu": 6 << 20, "gpu": 512 << 20}
"""The most bytes of a tile's values: on a CPU they must stay in a cache."""

NARROWEST_TILE: Final = 64
"""The fewest pixels of a tile: weighted sums of fewer are slow."""

ALIGNMENT: Final = 16
"""The alignment of copied tensors in bytes: enough for numbers of any type."""

SMALL: Final = 1 << 16
"""The most numbers of a temporary array on a CPU. For a larger one malloc may ask the system each
time, and zeroing its pages takes longer than computing with them."""


@dataclass(frozen=True, eq=False)
class _Operation:
    """A step with its numbers, on its device and in its precision."""

    step: Step
    sources: torch.Tensor
    factors: torch.Tensor
    offsets: torch.Tensor
    biases: torch.Tensor
    responses: torch.Tensor

    def arguments(self, values: torch.Tensor, sources: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the arguments of the activations, [n, P].

        Args:
            values: The rows above, or some of them.
            sources: The row of each term in ``values``, if these are not all rows.
        """
        sources = self.sources if sources is None else sources
        if self.step.reduction is None:
            return F.embedding_bag(
                sources, values, self.offsets, mode="sum", per_sample_weights=self.factors
            )
        nodes = len(self.offsets)
        terms = values.index_select(0, sources) * self.factors.unsqueeze(1)
        terms = terms.view(nodes, len(sources) // nodes, values.shape[1])
        return self.step.reduction(terms) * self.responses + self.biases


def send(tensors: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    """Give tensors on a device, copying those on the CPU in one piece, as each copy is slow."""
    here = [tensor for tensor in tensors if tensor.device != device]
    if not here:
        return [*tensors]
    pieces = [tensor.contiguous().view(-1).view(torch.uint8) for tensor in here]
    # Each piece begins at an aligned address.
    sizes = [-(-len(piece) // ALIGNMENT) * ALIGNMENT for piece in pieces]
    padded = [
        F.pad(piece, (0, size - len(piece))) for piece, size in zip(pieces, sizes, strict=True)
    ]
    whole = torch.cat(padded)
    if torch.accelerator.is_available():
        whole = whole.pin_memory()
    arrived = iter(torch.split(whole.to(device, non_blocking=True), sizes))
    return [
        next(arrived)[: tensor.nbytes].view(tensor.dtype).view(tensor.shape)
        if tensor.device != device
        else tensor
        for tensor in tensors
    ]


class Machine:
    """A program on a device.

    Args:
        program: The program of N genomes.
        dtype: float32 or float64.
        device: The device to run on.
        weights: Floats [E] in place of the program's weights.
        biases: Floats [M] in place of the program's biases.
        responses: Floats [M] in place of the program's responses.
    """

    def __init__(
        self,
        program: Program,
        dtype: torch.dtype,
        device: torch.device,
        *,
        weights: torch.Tensor | None = None,
        biases: torch.Tensor | None = None,
        responses: torch.Tensor | None = None,
    ) -> None:
        self._rows = program.rows
        self._dtype = dtype
        self._device = device
        self._on_cpu = device.type == "cpu"
        self._may_be_nan = program.may_overflow or not weights is biases is responses is None
        numbers = [
            program.factors(weights, biases, responses),
            *(
                (own if given is None else given)[program.nodes, None]
                for own, given in ((program.biases, biases), (program.responses, responses))
            ),
        ]
        self._outputs, sources, offsets, factors, bias, response = send(
            [
                program.outputs.T,
                program.sources,
                program.offsets,
                *(each.to(dtype) for each in numbers),
            ],
            device,
        )
        first = program.inputs + 1
        self._operations = [
            _Operation(step, sources[step.terms], factors[step.terms], *numbers)
            for step in program.steps
            for nodes in [slice(step.rows.start - first, step.rows.stop - first)]
            for numbers in [(offsets[nodes], bias[nodes], response[nodes])]
        ]

    def differentiate(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute outputs [N, O, P] from inputs [I, P], keeping all that gradients need."""
        rows = [*inputs, torch.ones_like(inputs[0])]
        for operation in self._operations:
            # Only the rows that are used: all rows at each level, and again for the gradients,
            # would take time and memory that grow with the square of the depth.
            used, places = np.unique(operation.sources.cpu().numpy(), return_inverse=True)
            values = inputs.new_zeros(1, inputs.shape[1])
            if len(used):
                values = torch.stack([rows[row] for row in used.tolist()])
            sources = torch.from_numpy(places.astype(np.int32)).to(inputs.device)
            z = operation.arguments(values, sources)
            for block in operation.step.blocks:
                rows += block.activation(z[block.rows])
        outputs = self._outputs.T.tolist()
        return torch.stack([torch.stack([rows[row] for row in each]) for each in outputs])

    def run(self, pixels: int, inputs: Inputs, keep: Keep) -> None:
        """Compute the outputs tile by tile.

        Args:
            pixels: The number of pixels.
            inputs: Called as ``inputs(start, stop)`` for the inputs [I, stop - start] of pixels.
            keep: Called as ``keep(genomes, pixels, outputs)`` with the outputs [O, n, p] of some
                genomes at some pixels; it may overwrite them.
        """
        width = self._tile_width(pixels)
        table = _table(self._rows * width, self._dtype, self._device)
        with np.errstate(all="ignore"):
            for start in range(0, pixels, width):
                stop = min(start + width, pixels)
                values = table[: self._rows * (stop - start)].view(self._rows, stop - start)
                self._fill(values, inputs(start, stop))
                for genomes in self._portions(stop - start):
                    keep(genomes, slice(start, stop), self._pick(values, genomes))

    def _tile_width(self, pixels: int) -> int:
        """Choose how many pixels a tile has; divide them evenly."""
        tile_bytes = TILE_BYTES["cpu" if self._on_cpu else "gpu"]
        widest = tile_bytes // (self._rows * self._dtype.itemsize)
        if self._on_cpu:
            widest = min(widest, SMALL // len(self._outputs))
        widest = max(widest, NARROWEST_TILE)
        tiles = max(-(-pixels // widest), 1)
        return max(-(-pixels // (tiles * 16)), 1) * 16

    def _fill(self, values: torch.Tensor, inputs: torch.Tensor) -> None:
        """Fill the table [rows, P], given the inputs [I, P]."""
        values[: len(inputs)] = inputs
        values[len(inputs)] = 1.0
        for operation in self._operations:
            z, out = operation.arguments(values), values[operation.step.rows]
            if self._on_cpu:
                self._activate_arrays(operation.step.blocks, z.numpy(), out.numpy())
            else:
                for block in operation.step.blocks:
                    block.activation(z[block.rows], out[block.rows])

    def _activate_arrays(self, blocks: tuple[Block, ...], z: np.ndarray, out: np.ndarray) -> None:
        for block in blocks:
            block.activation.write(z[block.rows], out[block.rows], may_be_nan=self._may_be_nan)

    def _portions(self, pixels: int) -> list[slice]:
        """Divide the genomes so that the outputs of each portion are small."""
        outputs, genomes = self._outputs.shape
        size = genomes
        if self._on_cpu:
            size = max(SMALL // (outputs * pixels), 1)
        return [slice(start, start + size) for start in range(0, genomes, size)]

    def _pick(self, values: torch.Tensor, genomes: slice) -> torch.Tensor:
        """Pick the outputs [O, n, P] of some genomes from the table."""
        rows = self._outputs[:, genomes]
        return values.index_select(0, rows.flatten()).view(*rows.shape, values.shape[1])


_scratch = threading.local()


def _table(numbers: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Give uninitialised memory; on a CPU the same each time, as new pages are slow."""
    if device.type != "cpu":
        return torch.empty(numbers, dtype=dtype, device=device)
    size = numbers * dtype.itemsize
    memory: torch.Tensor | None = getattr(_scratch, "memory", None)
    if memory is None or len(memory) < size:
        memory = _scratch.memory = torch.empty(size, dtype=torch.uint8)
    return memory[:size].view(dtype)
