"""The parameters of genomes: the numbers that gradients can change.

They are the weights and biases that some output needs, and the responses if the configuration lets
them vary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.cppn.genome.flat import unpack
from neatfool.cppn.genome.genome import Genome

if TYPE_CHECKING:
    import torch

    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.plain.program import Program

_ATTRIBUTES: Final = {"weights": "weight", "biases": "bias", "responses": "response"}
"""The kinds of parameters: the attribute of a program, and that of a gene."""


class Parameters:
    """Reads and writes the parameters of genomes.

    Each genome has a row of numbers: its weights, then its biases, then its responses. The
    configuration gives their ranges, and says whether responses vary.
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
        rows: list[list[np.ndarray]] = [[] for _ in range(len(program))]
        for kind in self._kinds:
            values = numbers[kind].numpy()
            owners = np.array([owner for owner, _ in _keys(program, kind)], np.int64)
            bounds = np.searchsorted(owners, np.arange(len(program) + 1))
            for genome, row in enumerate(rows):
                row.append(values[..., bounds[genome] : bounds[genome + 1]])
        return [np.concatenate(row, axis=-1, dtype=np.float64) for row in rows]

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
            for owner, key in _keys(program, kind):
                own: dict[Any, Any] = genes[owner][kind == "weights"]
                setattr(own[key], name, min(max(next(numbers[owner]), least), most))
        return [Genome.of(nodes.values(), edges.values()).flattened() for nodes, edges in genes]


def _keys(program: Program, kind: str) -> list[tuple[int, Any]]:
    keys: list[tuple[int, Any]] = [
        *(program.weight_keys if kind == "weights" else program.node_keys)
    ]
    return keys
