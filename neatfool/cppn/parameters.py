"""The parameters of genomes: the numbers that gradients can change, and where they belong.

Of a genome those count that its image depends on: the weights of connections and the biases of
nodes that some output needs, and, where a configuration lets them vary, the responses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.cppn.genome.genome import Genome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from neatfool.cppn.genome.genome import GenomeConfig
    from neatfool.cppn.plain.program import Program


@dataclass(frozen=True)
class _Kind:
    """One kind of parameter.

    Attributes:
        of_program: What a program calls all of them.
        name: What a gene calls it.
    """

    of_program: str
    name: str


WEIGHT, BIAS, RESPONSE = (
    _Kind("weights", "weight"),
    _Kind("biases", "bias"),
    _Kind("responses", "response"),
)


class Parameters:
    """Reads and writes the parameters of genomes.

    Those of a genome are in one row of numbers: its weights, its biases, its responses.
    """

    def __init__(self, config: GenomeConfig) -> None:
        """Prepare for the genomes of a configuration.

        Args:
            config: Gives the ranges, and says whether responses vary.
        """
        self._config = config
        self._kinds = [WEIGHT, BIAS, RESPONSE] if _varies("response", config) else [WEIGHT, BIAS]

    def read(self, program: Program) -> list[np.ndarray]:
        """Give the parameters of a batch of genomes.

        Args:
            program: The N genomes, compiled.

        Returns:
            float64 [P] for each genome.
        """
        return self.divide(
            program, {kind.of_program: getattr(program, kind.of_program) for kind in self._kinds}
        )

    def divide(self, program: Program, numbers: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """Put numbers that belong to a program's parameters in the order of :meth:`read`.

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
        """Give genomes other parameters; those out of their range are brought to its end.

        Args:
            genomes: N genomes.
            program: The same, compiled.
            rows: float64 [P] for each genome, in the order of :meth:`read`.

        Returns:
            New genomes, which share the genes that did not change.
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
        nodes, connections = dict(genome.nodes), dict(genome.connections)
        for (kind, key), value in zip(places, row.tolist(), strict=True):
            genes: dict[Any, Any] = connections if kind is WEIGHT else nodes
            least, most = self._range(kind)
            within = min(max(value, least), most)
            if within != getattr(genes[key], kind.name):
                genes[key] = genes[key].having(kind.name, within)
        return Genome.born(nodes, connections)

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
