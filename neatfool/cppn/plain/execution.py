"""Runs a program on a device over pixels, tile by tile.

A tile is a range of pixels. It is so small that the values of all rows stay in a cache (or fit on a
GPU), and so large that calling an operation costs little in comparison. Each operation treats an
element alike wherever it lies, so that a value depends neither on the tile nor on the batch nor on
the number of threads.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn import functional as F

from neatfool.cppn.functions.rules import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.cppn.plain.program import Program, Step

    Inputs = Callable[[int, int], torch.Tensor]
    Keep = Callable[[slice, slice, torch.Tensor, torch.Tensor], None]

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

    def arguments(
        self, values: torch.Tensor, variances: torch.Tensor | None, sources: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the means and the variances of the activations' arguments, [n, P] both.

        Args:
            values: The rows above, or some of them.
            variances: Their variances; None if all are 0.
            sources: The row of each term in ``values``.
        """
        if self.step.reduction is None:
            z = self._add_up(values, sources, self.factors)
            v = z.new_zeros(())
            if variances is not None:
                v = self._add_up(variances, sources, self.factors.square())
        else:
            terms = self._terms(values, sources, self.factors)
            spreads = torch.zeros_like(terms)
            if variances is not None:
                spreads = self._terms(variances, sources, self.factors.square())
            z, v = self.step.reduction(terms, spreads)
            z, v = z * self.responses + self.biases, v * self.responses.square()
        return _bound(z, -LIMIT), _bound(v, 0.0)

    def _add_up(
        self, rows: torch.Tensor, sources: torch.Tensor, factors: torch.Tensor
    ) -> torch.Tensor:
        return F.embedding_bag(sources, rows, self.offsets, mode="sum", per_sample_weights=factors)

    def _terms(
        self, rows: torch.Tensor, sources: torch.Tensor, factors: torch.Tensor
    ) -> torch.Tensor:
        """Give the terms of reductions: [n, k, P]."""
        nodes = len(self.offsets)
        terms = rows.index_select(0, sources) * factors.unsqueeze(1)
        return terms.view(nodes, len(sources) // nodes, rows.shape[1])


def _bound(numbers: torch.Tensor, least: float) -> torch.Tensor:
    return numbers.nan_to_num(LIMIT, LIMIT, least).clamp(least, LIMIT)


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
    if device.type == "cuda":
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
        variances: Floats [I], the variances of the inputs; None if all are 0.
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
        variances: torch.Tensor | None = None,
    ) -> None:
        self._rows = program.rows
        self._dtype = dtype
        self._device = device
        self._on_cpu = device.type == "cpu"
        self._variances = None
        if variances is not None:
            ones = variances.new_zeros(1)
            self._variances = torch.cat([variances, ones]).to(device, dtype).unsqueeze(1)
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

    def differentiate(
        self, inputs: torch.Tensor, *, through_variances: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute outputs and their variances, keeping all that gradients need.

        Args:
            inputs: Floats [I, P].
            through_variances: Whether gradients know that variances change, too.

        Returns:
            Floats [N, O, P] both.
        """
        rows = [*inputs, torch.ones_like(inputs[0])]
        spreads = [torch.zeros_like(inputs[0])] * len(rows)
        if self._variances is not None:
            spreads = [*self._variances.expand(-1, inputs.shape[1])]
        for operation in self._operations:
            # Only the rows that are used: all rows at each level, and again for the gradients,
            # would take time and memory that grow with the square of the depth.
            used, places = np.unique(operation.sources.cpu().numpy(), return_inverse=True)
            values = own = inputs.new_zeros(1, inputs.shape[1])
            if len(used):
                values = torch.stack([rows[row] for row in used.tolist()])
                own = torch.stack([spreads[row] for row in used.tolist()])
            sources = torch.from_numpy(places.astype(np.int32)).to(inputs.device)
            z, v = operation.arguments(values, own, sources)
            v = v if through_variances else v.detach()
            for block in operation.step.blocks:
                rule, s, spread = block.activation.rule, z[block.rows], v[block.rows]
                mean = rule.mean(torch, s, spread)
                rows += mean
                spreads += rule.variance(torch, s, spread, mean).expand_as(mean)
        outputs = self._outputs.T.tolist()
        means, variances = (
            torch.stack([torch.stack([each[row] for row in own]) for own in outputs])
            for each in (rows, spreads)
        )
        return means, _bound(variances, 0.0)

    def run(self, pixels: int, inputs: Inputs, keep: Keep) -> None:
        """Compute the outputs tile by tile.

        Args:
            pixels: The number of pixels.
            inputs: Called as ``inputs(start, stop)`` for the inputs [I, stop - start] of pixels.
            keep: Called as ``keep(genomes, pixels, outputs, variances)`` with the outputs [O, n, p]
                of some genomes at some pixels, and with their variances.
        """
        width = self._tile_width(pixels)
        tables = 1 if self._variances is None else 2
        table = _table(tables * self._rows * width, self._dtype, self._device)
        with np.errstate(all="ignore"):
            for start in range(0, pixels, width):
                stop = min(start + width, pixels)
                size = tables * self._rows * (stop - start)
                values = table[:size].view(tables, self._rows, stop - start)
                self._fill(values, inputs(start, stop))
                for genomes in self._portions(stop - start):
                    picked = self._pick(values, genomes)
                    variances = picked[1] if tables == 2 else torch.zeros_like(picked[0])
                    keep(genomes, slice(start, stop), picked[0], _bound(variances, 0.0))

    def _tile_width(self, pixels: int) -> int:
        """Choose how many pixels a tile has; divide them evenly."""
        tile_bytes = TILE_BYTES["cpu" if self._on_cpu else "gpu"]
        tables = 1 if self._variances is None else 2
        widest = tile_bytes // (tables * self._rows * self._dtype.itemsize)
        if self._on_cpu:
            widest = min(widest, SMALL // len(self._outputs))
        widest = max(widest, NARROWEST_TILE)
        tiles = max(-(-pixels // widest), 1)
        return max(-(-pixels // (tiles * 16)), 1) * 16

    def _fill(self, tables: torch.Tensor, inputs: torch.Tensor) -> None:
        """Fill the tables of values and variances [1 or 2, rows, P], given the inputs [I, P]."""
        values, *others = tables
        values[: len(inputs)] = inputs
        values[len(inputs)] = 1.0
        variances = others[0] if others else None
        if variances is not None and self._variances is not None:
            variances[: len(inputs) + 1] = self._variances
        # numpy's functions are the faster ones on a CPU.
        xp: Any = np if self._on_cpu else torch
        for operation in self._operations:
            z, v = operation.arguments(values, variances, operation.sources)
            for block in operation.step.blocks:
                rule, own = block.activation.rule, _part(operation.step.rows, block.rows)
                arguments = z[block.rows], v if v.dim() == 0 else v[block.rows]
                s, spread = (each.numpy() if self._on_cpu else each for each in arguments)
                mean = rule.mean(xp, s, spread)
                values[own] = torch.as_tensor(mean)
                if variances is not None:
                    variances[own] = torch.as_tensor(rule.variance(xp, s, spread, mean))

    def _portions(self, pixels: int) -> list[slice]:
        """Divide the genomes so that the outputs of each portion are small."""
        outputs, genomes = self._outputs.shape
        size = genomes
        if self._on_cpu:
            size = max(SMALL // (outputs * pixels), 1)
        return [slice(start, start + size) for start in range(0, genomes, size)]

    def _pick(self, values: torch.Tensor, genomes: slice) -> torch.Tensor:
        """Pick the outputs [1 or 2, O, n, P] of some genomes from the tables."""
        rows = self._outputs[:, genomes]
        return values.index_select(1, rows.flatten()).view(-1, *rows.shape, values.shape[2])


def _part(whole: slice, part: slice) -> slice:
    return slice(whole.start + part.start, whole.start + part.stop)


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
