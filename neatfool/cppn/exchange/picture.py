"""A CPPN's picture as a PyTorch module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from neatfool.cppn.exchange.formula import INPUT_KEYS, read_formula
from neatfool.cppn.functions.colour import find_colour_map, quantise
from neatfool.cppn.functions.inputs import PixelGrid, pixel_grid
from neatfool.cppn.functions.surroundings import surroundings
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.plain.program import compile_genomes
from neatfool.cppn.rendering import evaluate

if TYPE_CHECKING:
    from neatfool.cppn.exchange.formula import Formula
    from neatfool.cppn.functions.colour import ColourMap
    from neatfool.cppn.functions.inputs import InputKind


@dataclass(frozen=True)
class Look:
    """How the outputs of a CPPN become a picture; see :func:`~neatfool.cppn.render`.

    Attributes:
        height: Pixels of the native image, the target's, from top to bottom.
        width: Pixels of the native image from left to right.
        inputs: ``"raw"`` or ``"normalised"``.
        colour_map: One of :data:`~neatfool.cppn.COLOUR_MAPS`.
        channels: 3 repeats a grey channel three times; by default those of the colour map.
        blur: The standard deviation of the surroundings that a pixel shows, in native pixels.
        samples: The samples in each native pixel for that mean: 1, 2, 4 or 9.
    """

    height: int
    width: int
    inputs: InputKind = "raw"
    colour_map: str = "grey"
    channels: int | None = None
    blur: float = 0.0
    samples: int = 2

    @property
    def colours(self) -> ColourMap:
        """The colour map.

        Raises:
            ExperimentError: There is none of that name, or it does not fit the channels.
        """
        return find_colour_map(self.colour_map, channels=self.channels)


class Picture(nn.Module):
    """The picture of a CPPN, at any size and differentiable.

    Its parameters are the numbers that the picture depends on: ``weights``, ``biases`` and
    ``responses``, float32. An optimiser may change them; :meth:`genome` gives the genome that has
    the numbers of now. The picture is that of :func:`~neatfool.cppn.render` but for rounding:
    values differ by one level at most, except where a network magnifies the last bits of a number.

    Args:
        genome: The genome; ``nodes`` and ``connections`` as :func:`~neatfool.cppn.compile_genomes`
            takes them, the inputs' keys -1 to -4, the outputs' 0, 1, …
        look: How outputs become a picture.

    Raises:
        ExperimentError: The genome cannot be drawn, or its outputs do not fit the colour map.
    """

    def __init__(self, genome: Any, look: Look) -> None:
        super().__init__()
        self.look = look
        self._colours = look.colours
        self._genome = genome
        self._outputs = range(self._colours.outputs)
        self._program = compile_genomes([genome], INPUT_KEYS, self._outputs)
        self.weights = nn.Parameter(self._program.weights.float())
        self.biases = nn.Parameter(self._program.biases.float())
        self.responses = nn.Parameter(self._program.responses.float())

    def forward(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Draw the picture.

        Args:
            size: (height, width) in pixels; the native size if absent.

        Returns:
            float32 [C, H, W] in [0, 1], on the parameters' device, differentiable by them.

        Raises:
            ValueError: The size is below 1.
        """
        look = self.look
        height, width = size or (look.height, look.width)
        native = look.height, look.width
        if not look.blur:
            grid = pixel_grid(height, width, native=native, kind=look.inputs)
            return self._repeat(self._draw(grid))
        around = surroundings(
            height, width, native=native, kind=look.inputs, blur=look.blur, samples=look.samples
        )
        parts = []
        for grid, across, down in zip(around.grids, around.across, around.down, strict=True):
            samples = self._draw(grid)
            rows, columns = down.matrix(len(grid.y)), across.matrix(len(grid.x))
            parts.append(rows.to(samples) @ samples @ columns.to(samples).mT)
        return self._repeat(torch.stack(parts).mean(0).clamp(0.0, 1.0))

    def at(self, points: torch.Tensor) -> torch.Tensor:
        """Give the colours of points, without the blur.

        Args:
            points: Floats [..., 2]: x from -1 (the centre of the first native column) to 1 (the
                last), and y likewise from the top to the bottom. A native side of one pixel has
                only the centre, 0.

        Returns:
            Floats [..., C] in [0, 1], differentiable by the points, too.
        """
        x, y = points.to(self.weights).unbind(-1)
        d = (x.square() + y.square()).sqrt()
        if self.look.inputs == "raw":
            x = (x + 1) * ((self.look.width - 1) / 2)
            y = (y + 1) * ((self.look.height - 1) / 2)
        inputs = torch.stack([each.reshape(-1) for each in (x, y, d, torch.ones_like(x))])
        return self._repeat(self._colour(inputs)).mT.reshape(*points.shape[:-1], -1)

    def pixels(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Draw the picture as uint8 [C, H, W]; see :meth:`forward`."""
        with torch.no_grad():
            return quantise(self(size))

    def genome(self) -> Genome:
        """Give the genome with the numbers that the parameters have now."""
        program, given = self._program, self._genome
        weights = _by_key(program.weight_keys, self.weights)
        biases, responses = (
            _by_key(program.node_keys, numbers) for numbers in (self.biases, self.responses)
        )
        return Genome.of(
            [
                NodeGene.make(
                    key,
                    node.activation,
                    node.aggregation,
                    biases.get(key, node.bias),
                    responses.get(key, node.response),
                    getattr(node, "time_constant", 1.0),
                )
                for key, node in given.nodes.items()
            ],
            [
                ConnectionGene.make(key, weights.get(key, gene.weight), gene.enabled)
                for key, gene in given.connections.items()
            ],
        )

    def formula(self) -> Formula:
        """Give what the picture is computed by, with the numbers of now."""
        return read_formula(self.genome(), len(self._outputs))

    @property
    def may_overflow(self) -> bool:
        """Whether a value might become infinite or NaN, with the numbers of now."""
        return compile_genomes([self.genome()], INPUT_KEYS, self._outputs).may_overflow

    def _draw(self, grid: PixelGrid) -> torch.Tensor:
        """Draw the pixels of a grid: floats [C, H, W]."""
        inputs = grid.inputs(0, grid.pixels).to(self.weights)
        return self._colour(inputs).view(-1, len(grid.y), len(grid.x))

    def _colour(self, inputs: torch.Tensor) -> torch.Tensor:
        """Give floats [C, P] for inputs [4, P]."""
        outputs = evaluate(
            self._program,
            inputs,
            weights=self.weights,
            biases=self.biases,
            responses=self.responses,
        )
        return self._colours(outputs)[0]

    def _repeat(self, channels: torch.Tensor) -> torch.Tensor:
        wanted = self.look.channels or len(channels)
        return channels.expand(wanted, *channels.shape[1:])


def _by_key(keys: list[tuple[int, Any]], numbers: torch.Tensor) -> dict[Any, float]:
    return {
        key: number for (_, key), number in zip(keys, numbers.detach().cpu().tolist(), strict=True)
    }
