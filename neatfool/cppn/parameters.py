"""The parameters of genomes: the numbers that gradients can change.

They are the weights and biases that some output needs, and the responses if the configuration lets
them vary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.cppn.genome.flat import unpack
from neatfool.cppn.genome.genome import Genome

if TYPE_CHECKING:
    import torch

    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.plain.program import Program


@dataclass(frozen=True)
class _Kind:
    """One kind of parameter: its attribute of a program, and its attribute of a gene."""

    of_program: str
    name: str


WEIGHT, BIAS, RESPONSE = (
    _Kind("weights", "weight"),
    _Kind("biases", "bias"),
    _Kind("responses", "response"),
)


class Parameters:
    """Reads and writes the parameters of genomes.

    Each genome has a row of numbers: its weights, then its biases, then its responses. The
    configuration gives their ranges, and says whether responses vary.
    """

    def __init__(self, config: GenomeConfig) -> None:
        self._config = config
        self._kinds = [WEIGHT, BIAS, RESPONSE] if _varies("response", config) else [WEIGHT, BIAS]

    def read(self, program: Program) -> list[np.ndarray]:
        """Give the parameters of each genome of a program, float64 [P]."""
        return self.divide(
            program, {kind.of_program: getattr(program, kind.of_program) for kind in self._kinds}
        )

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
            values = numbers[kind.of_program].numpy()
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
        places: list[list[tuple[_Kind, Any]]] = [[] for _ in genomes]
        for kind in self._kinds:
            for owner, key in _keys(program, kind):
                places[owner].append((kind, key))
        return [
            self._write_one(genome, place, row)
            for genome, place, row in zip(genomes, places, rows, strict=True)
        ]

    def _write_one(
        self, genome: Genome, places: Sequence[tuple[_Kind, Any]], row: np.ndarray
    ) -> Genome:
        nodes, connections = unpack(genome.flat)
        for (kind, key), value in zip(places, row.tolist(), strict=True):
            genes: dict[Any, Any] = connections if kind is WEIGHT else nodes
            least, most = self._range(kind)
            within = min(max(value, least), most)
            if within != getattr(genes[key], kind.name):
                genes[key] = genes[key].having(kind.name, within)
        return Genome.born(nodes, connections).flattened()

    def _range(self, kind: _Kind) -> tuple[float, float]:
        config: Any = self._config
        return (
            getattr(config, f"{kind.name}_min_value"),
            getattr(config, f"{kind.name}_max_value"),
        )


def _keys(program: Program, kind: _Kind) -> list[tuple[int, Any]]:
    keys: list[tuple[int, Any]] = [*(program.weight_keys if kind is WEIGHT else program.node_keys)]
    return keys


def _varies(name: str, config: Any) -> bool:
    return any(
        getattr(config, f"{name}_{key}") for key in ("init_stdev", "mutate_rate", "replace_rate")
    )
