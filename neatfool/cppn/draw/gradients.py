"""The parameters of genomes, and gradients: from the pixels of images back to these numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from neatfool.cppn.draw.colour import COLOUR_MAPS, find_colour_map
from neatfool.cppn.draw.execution import ProgramRunner, on_one_core
from neatfool.cppn.draw.lattice import Lattice, Look, lay_lattice
from neatfool.cppn.draw.spline import spread
from neatfool.cppn.genome.genes import pack, unpack
from neatfool.cppn.genome.genome import Genome, GenomeConfig
from neatfool.cppn.program import PARAMETERS, Program

DIFFERENTIATED_BYTES: Final = {"cpu": 8 << 20, "gpu": 256 << 20}
"""The most memory for the nodes' values of the pixels that are differentiated at once. Gradients
take some five times as much in all."""


def render_gradients(
    program: Program,
    gradients: np.ndarray,
    look: Look,
    *,
    device: torch.device | str = "cpu",
    compiled: bool = False,
) -> dict[str, torch.Tensor]:
    """Turn gradients by pixels into gradients by the parameters of a batch of genomes.

    The result is the derivative of sum(gradients * images), with the images of ``render`` before
    they are rounded to bytes. Pixels are processed tile by tile, so that memory does not grow with
    their number.

    Args:
        program: The N genomes, compiled.
        gradients: float32 [G, N, C, H, W]: the gradients of G functions of the images by the grey
            level of each pixel. C is 3, or the channels of the colour map.
        look: How the outputs become a picture.
        device: The device to compute on.
        compiled: Whether to use compiled code, which needs numba and is several times as fast. It
            takes one genome, on the CPU.

    Returns:
        float64 on the CPU, by ``weights`` [G, E], ``biases`` [G, M] and ``responses`` [G, M].
        Derivatives that are not finite become 0.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit.
        ValueError: Compiled code is asked for more than one genome, or for another device.
    """
    count, channels, height, width = gradients.shape[1:]
    outputs = program.outputs.shape[1]
    colours = find_colour_map(look.colour_map, outputs=outputs, channels=channels)
    where = torch.device(device)
    if compiled and (count != 1 or where.type != "cpu"):
        raise ValueError(f"{count} genomes on {where}: compiled code takes one, on the CPU")
    if channels != colours.channels:
        gradients = gradients.sum(2, keepdims=True)
    by_pixel = torch.from_numpy(gradients).to(where, torch.float32) * 255
    follow = _follow_by_compiled_code if compiled else _follow_by_torch

    @torch.enable_grad()
    def compute() -> dict[str, torch.Tensor]:
        lattice = lay_lattice(look, (height, width))
        by_point = by_pixel
        if lattice.axes is not None:
            by_point = torch.stack([spread(each, lattice.axes) for each in by_pixel])
        found = follow(program, lattice, by_point.flatten(3))
        return {name: torch.nan_to_num(each, 0.0, 0.0, 0.0) for name, each in found.items()}

    return on_one_core(compute) if where.type == "cpu" else compute()


def _follow_by_torch(
    program: Program, lattice: Lattice, by_channel: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Turn gradients [G, N, C, P] into those by the parameters with torch, a tile at a time."""
    where, many, colours = by_channel.device, len(by_channel), lattice.look.colours
    totals = {
        name: torch.zeros(many, len(getattr(program, name)), dtype=torch.float64)
        for name in PARAMETERS
    }
    size = DIFFERENTIATED_BYTES["cpu" if where.type == "cpu" else "gpu"]
    most = max(size // (4 * program.rows), 1024)
    step = -(-lattice.points // -(-lattice.points // most))  # divided evenly
    for start in range(0, lattice.points, step):
        stop = min(start + step, lattice.points)
        given = {
            name: getattr(program, name).to(where, torch.float32).requires_grad_()
            for name in PARAMETERS
        }
        machine = ProgramRunner(program, torch.float32, where, **given)
        outputs = machine.differentiate(lattice.tables(start, stop).to(where))
        channels = colours(outputs if lattice.look.band_limit else outputs.squeeze(2))
        for which in range(many):
            parts = torch.autograd.grad(
                channels,
                list(given.values()),
                by_channel[which, :, :, start:stop],
                retain_graph=which < many - 1,
                allow_unused=True,
            )
            for name, part in zip(PARAMETERS, parts, strict=True):
                if part is not None:
                    totals[name][which] += part.double().cpu()
    return totals


def _follow_by_compiled_code(
    program: Program, lattice: Lattice, by_channel: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Turn gradients [G, 1, C, P] into those by one genome's parameters with compiled code."""
    from neatfool.cppn.draw.gradient_kernel import TILE, flow_back
    from neatfool.cppn.draw.kernel import find_others
    from neatfool.cppn.draw.lanes import LANES

    given = {name: getattr(program, name).clone().requires_grad_() for name in PARAMETERS}
    factors = program.factors(**given)
    found = lattice.tables(0, lattice.points).numpy()
    inputs = np.zeros((3, *found.shape[1:]), np.float32)
    inputs[: len(found)] = found
    totals = np.zeros((len(by_channel), len(program.sources)))
    shapes = (3, program.rows, TILE), (3, program.rows, TILE), (3, TILE), (1, LANES)
    flow_back(
        (
            program.nodes.numpy(),
            program.sources.numpy(),
            factors.detach().float().numpy(),
            program.outputs[0].numpy(),
        ),
        inputs,
        list(COLOUR_MAPS).index(lattice.look.colour_map),
        by_channel[:, 0].contiguous().numpy(),
        totals,
        tuple(np.empty(shape, np.float32) for shape in shapes),
        find_others(program.nodes[:, 0].numpy()),
    )
    parts = [
        torch.autograd.grad(factors, list(given.values()), each, retain_graph=True)
        for each in torch.from_numpy(totals)
    ]
    return {
        name: torch.stack(each)
        for name, each in zip(PARAMETERS, zip(*parts, strict=True), strict=True)
    }


_ATTRIBUTES: Final = {"weights": "weight", "biases": "bias", "responses": "response"}
"""The kinds of parameters: the attribute of a program, and that of a gene."""


class Parameters:
    """Reads and writes the parameters of genomes: the numbers that gradients can change.

    Each genome has a row of numbers: the weights and the biases that some output needs, then the
    responses if the configuration lets them vary. It also gives their ranges.
    """

    def __init__(self, config: GenomeConfig) -> None:
        self._kinds = ["weights", "biases"]
        if (
            config.response_init_stdev
            or config.response_mutate_rate
            or config.response_replace_rate
        ):
            self._kinds.append("responses")
        self._ranges: dict[str, tuple[float, float]] = {
            name: (getattr(config, f"{name}_min_value"), getattr(config, f"{name}_max_value"))
            for name in _ATTRIBUTES.values()
        }

    def read(self, program: Program) -> list[np.ndarray]:
        """Give the parameters of each genome of a program, float64 [P]."""
        return self.divide(program, {kind: getattr(program, kind) for kind in self._kinds})

    def divide(self, program: Program, numbers: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """Put numbers for a program's parameters in the order of :meth:`read`.

        Args:
            program: The N genomes, compiled.
            numbers: By ``weights`` [..., E], ``biases`` [..., M] and ``responses`` [..., M].

        Returns:
            float64 [..., P] for each genome.
        """
        parts = []
        for kind in self._kinds:
            keys = program.weight_keys if kind == "weights" else program.node_keys
            starts = np.searchsorted([owner for owner, _ in keys], np.arange(len(program)))
            # What is before the first genome is empty.
            parts.append(np.split(numbers[kind].numpy(), starts, axis=-1)[1:])
        return [np.concatenate(row, axis=-1, dtype=np.float64) for row in zip(*parts, strict=True)]

    def write(
        self, genomes: Sequence[Genome], program: Program, rows: Sequence[np.ndarray]
    ) -> list[Genome]:
        """Copy genomes with other parameters, each clipped to its range.

        Args:
            genomes: N genomes.
            program: The same genomes, compiled.
            rows: float64 [P] for each genome, in the order of :meth:`read`.

        Returns:
            New genomes.
        """
        genes = [unpack(genome.flat) for genome in genomes]
        numbers = [iter(row.tolist()) for row in rows]
        for kind in self._kinds:
            name = _ATTRIBUTES[kind]
            least, most = self._ranges[name]
            keys: Any = program.weight_keys if kind == "weights" else program.node_keys
            for owner, key in keys:
                own: dict[Any, Any] = genes[owner][kind == "weights"]
                setattr(own[key], name, min(max(next(numbers[owner]), least), most))
        return [Genome.read(pack(nodes, edges)) for nodes, edges in genes]
