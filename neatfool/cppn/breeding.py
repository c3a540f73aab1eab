"""Breeding: a batch of genomes, each from its own seed, as flat bytes in compiled code.

A child depends only on its parents and its seed. Children draw from streams of their own. Random
genomes are made by neat-python's code, which draws from Python's global random generator. That
generator is seeded for each genome, and restored after the batch. Each way of variation is compiled
when a run first needs it: :func:`vary_as_the_paper`, the paper's mutation with the refinements of
:class:`neatfool.cppn.Refinements`, which may all be off, and those of two parents in
:mod:`neatfool.cppn.crossover`. What a mutation does stands in :mod:`neatfool.cppn.mutation`.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache, partial
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.activations import CODES
from neatfool.cppn.buffer import (
    Batch,
    GenomeBuffer,
    copy_genome,
    make_buffer,
    parent_of,
    write_child,
)
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genome import Genome, GenomeConfig
from neatfool.cppn.genome.options import (
    PRESETS,
    GenomeOptions,
    Preset,
    Refinements,
    genome_config,
    resolve,
)
from neatfool.cppn.jit import await_compiled, compile_in_background, outer
from neatfool.cppn.mutation import (
    RANDOM,
    RATES,
    STEPS_AN_OCTAVE,
    MutationRates,
    NameRates,
    NumberRates,
    SwitchRates,
    add_connection,
    add_node,
    mutate_refined,
    strength_step,
)
from neatfool.cppn.rng import draw, first_numbers, seed_array

_NEAT_PYTHONS: Final = {
    "conn_add_prob": "add_connection_prob",
    "conn_delete_prob": "delete_connection_prob",
    "node_add_prob": "add_node_prob",
    "node_delete_prob": "delete_node_prob",
}
"""neat-python's keys of operators, and what they would be by the operators' names."""


def read_rates(config: GenomeConfig, steps: Sequence[int]) -> Array:
    """Read a configuration: ``RATES`` [S], for each step of strength.

    The strength is a factor for the probabilities of all mutations, none of which exceeds 1.
    """
    return np.array([_read_rates(config, 2.0 ** (step / STEPS_AN_OCTAVE)) for step in steps], RATES)


def _read_rates(config: GenomeConfig, strength: float) -> MutationRates:
    keys: dict[str, Any] = {
        _NEAT_PYTHONS.get(key, key): min(value * strength, 1.0)
        if key.endswith(("_mutate_rate", "_prob"))
        else value
        for key, value in vars(config).items()
    }
    kinds = MutationRates.__annotations__.items()
    rates: dict[str, Any] = {n: keys.get(f"{n}_prob", 0.0) for n, kind in kinds if kind is float}
    for name in ("weight", "bias", "response"):
        own = {field: keys.get(f"{name}_{field}", 0.0) for field in NumberRates._fields}
        own["init_uniform"] = "uniform" in keys[f"{name}_init_type"].lower()
        rates[name] = NumberRates(**own)
    codes, options = CODES, keys["activation_options"]
    padded = np.resize([codes[option] for option in options], genes.MOST_OPTIONS)
    default = _read_default(keys["activation_default"], codes)
    rates["activation"] = NameRates(keys["activation_mutate_rate"], default, len(options), padded)
    where_true, where_false = (
        min(max(keys["enabled_mutate_rate"] + keys[f"enabled_rate_to_{other}_add"], 0.0), 1.0)
        for other in ("false", "true")
    )
    default = _read_default(str(keys["enabled_default"]).lower(), {"true": 1, "false": 0})
    rates["enabled"] = SwitchRates(where_true, where_false, default)
    return MutationRates(**rates)


def _read_default(value: object, codes: Mapping[str, int]) -> int:
    return RANDOM if str(value).lower() in ("random", "none") else codes[str(value)]


@outer
def vary_as_the_paper(
    batch: Batch,
    table: Array,
    lowest: int,
    strength: float,
    spread: float,
    copies: int,
    genome: GenomeBuffer,
) -> None:
    """Make a child of each first parent by :func:`mutate_refined`."""
    for child in range(len(batch.parent_groups)):
        batch.random[0] = batch.seeds[child]
        parent = parent_of(batch, child, 0)
        mutate_refined(batch, child, parent, table, lowest, strength, spread, copies, genome)


@outer
def grow(batch: Batch, table: Array, rounds: int, genome: GenomeBuffer) -> None:
    """Grow the first parent of each group of parents by some rounds, as an initial genome grows."""
    stream = batch.random
    for child in range(len(batch.parent_groups)):
        stream[0] = batch.seeds[child]
        copy_genome(parent_of(batch, child, 0), genome)
        for _ in range(int(draw(stream) * (rounds + 1))):
            add_node(genome, table[0], stream)
            add_connection(genome, table[0], stream)
        write_child(batch, child, genome)


def _way_to_vary(refinements: Refinements | None) -> Callable[..., None]:
    """Give what makes children: with crossover, only where children may have two parents."""
    if refinements is not None and not refinements.graft:
        return vary_as_the_paper
    from neatfool.cppn.crossover import vary_as_neat, vary_with_grafts

    return vary_as_neat if refinements is None else vary_with_grafts


COPIES: Final = 999
"""The most copies of a parent that are thrown away; rates of 0 would need for ever."""


class Breeder:
    """Makes and breeds genomes according to a preset.

    Attributes:
        parents: The most parents of a child.
    """

    def __init__(
        self, preset: Preset, config: GenomeConfig, refinements: Refinements | None = None
    ) -> None:
        """Prepare to breed by a preset, and refinements of the paper's mutation if it has that.

        By default the refinements are the preset's own.
        """
        self._config = config
        self._is_paper = preset.refinements is not None
        self._refinements = refinements or preset.refinements or Refinements()
        self._rates_of = cache(partial(read_rates, config))
        self._vary = _way_to_vary(self._refinements if self._is_paper else None)
        self.parents = 1 if self._vary is vary_as_the_paper else 2
        self._strength: tuple[float, ...] = ()
        self._set_warmth(1.0)

    @staticmethod
    def prepare(preset: Preset) -> None:
        """Have another process compile how a preset breeds, if no code is kept on this machine.

        Breeding waits for it.
        """
        compile_in_background(preset.name, _way_to_vary(preset.refinements))

    def _set_warmth(self, warmth: float) -> None:
        """Prepare for a factor of all probabilities."""
        refinements, steps = self._refinements, range(1)
        self._graft = refinements.graft * warmth
        if self._is_paper:
            spread = refinements.mutation_spread
            lowest, highest = (strength_step(warmth * math.exp(s)) for s in (-spread, spread))
            # The logarithm may be rounded differently in compiled code.
            steps = range(lowest - 1, highest + 2)
            only_grows = refinements == Refinements(initial_rounds=refinements.initial_rounds)
            self._strength = steps.start, warmth, float(spread), 0 if only_grows else COPIES
        self._rates = self._rates_of(steps)

    def in_generation(self, generation: int) -> Self:
        """Give the breeder for a generation of a run."""
        cooling = self._refinements.mutation_cooling
        if not cooling:
            return self
        then = copy(self)
        then._set_warmth(cooling / (cooling + generation))
        return then

    def with_mutation(self, strength: float, structure: float) -> Self:
        """Give the breeder with other mutation, of whose children few are copies of a parent.

        Args:
            strength: A factor for how often, and how far, weights and functions change.
            structure: A factor for the probabilities of adding and deleting genes.
        """
        config, then = copy(self._config), copy(self)
        for key, value in vars(config).items():
            if key.endswith(("_mutate_rate", "_prob")):
                factor = structure if key.endswith("_prob") else strength
                setattr(config, key, min(factor * value, 1.0))
            elif key.endswith(("_mutate_power", "_mutate_eta")):
                # A larger index makes smaller steps.
                setattr(
                    config, key, value * strength if key.endswith("power") else value / strength
                )
        then._rates_of = cache(partial(read_rates, config))
        then._set_warmth(1.0)
        if then._is_paper:
            then._strength = (*then._strength[:3], COPIES)
        return then

    def create(self, seeds: Sequence[int]) -> list[Genome]:
        """Make a random genome from each seed."""
        genomes = [Genome() for _ in seeds]
        state = random.getstate()
        try:
            for genome, seed in zip(genomes, seeds, strict=True):
                random.seed(seed)
                genome.configure_new(self._config)
        finally:
            random.setstate(state)
        rounds = self._refinements.initial_rounds if self._is_paper else 0
        if not rounds:
            return [Genome.read(genome.flat) for genome in genomes]
        batch, buffer = self._lay_out([[genome] for genome in genomes], seeds, rounds)
        grow(batch, self._rates_of(range(1)), rounds, buffer)
        return _read_children(batch)

    def parent_counts(self, seeds: Sequence[int]) -> list[int]:
        """Give the number of parents for the child of each seed."""
        if not self._is_paper or self.parents == 1:
            return [self.parents] * len(seeds)
        # Whether a child is grafted is drawn before anything else.
        grafted: list[int] = (1 + (first_numbers(seed_array(seeds)) < self._graft)).tolist()
        return grafted

    def breed(
        self, parent_groups: Sequence[Sequence[Genome]], seeds: Sequence[int]
    ) -> list[Genome]:
        """Breed children.

        Args:
            parent_groups: For each child its parents, fittest first; at least one. Those beyond
                ``parents`` are ignored.
            seeds: For each child the seed of all its randomness.
        """
        batch, buffer = self._lay_out(parent_groups, seeds)
        grafted = [self._graft] if self._is_paper and self.parents > 1 else []
        self._vary(batch, self._rates, *self._strength, *grafted, buffer)
        return _read_children(batch)

    def _lay_out(
        self, parent_groups: Sequence[Sequence[Genome]], seeds: Sequence[int], rounds: int = 0
    ) -> tuple[Batch, GenomeBuffer]:
        """Put the parents one after another, and allocate arrays for the children."""
        await_compiled()
        if len(parent_groups) != len(seeds):
            raise ValueError(f"{len(parent_groups)} groups of parents, but {len(seeds)} seeds")
        pairs = [parent_group[: self.parents] for parent_group in parent_groups]
        words, begins = genes.join([genome.flat for pair in pairs for genome in pair])
        rows = np.full((len(pairs), 2), -1)
        sizes = np.fromiter(map(len, pairs), int)
        rows[np.arange(2) < sizes[:, None]] = np.arange(sizes.sum())
        # The last row stands for no parent, whose place is -1.
        begins[-1] = -1
        heads = np.zeros((len(begins), 2), np.int64)
        heads[:-1] = words[begins[:-1, None] + np.arange(2)]
        # A child has at most the genes of both parents, of a new node and of the connections that
        # come with it, and what it grows in each round.
        nodes, connections = (heads[rows].sum(1) + np.array([1 + rounds, 4 + 2 * rounds])).T
        lengths = genes.HEAD + genes.NODE_WORDS * nodes + genes.CONNECTION_WORDS * connections
        batch = Batch(
            words,
            begins[rows],
            seed_array(seeds),
            bounds=np.zeros(len(parent_groups) + 1, np.int64),
            written=np.empty(int(lengths.sum()), np.int64),
            random=np.zeros(1, np.uint64),
        )
        ends = self._config.num_inputs, self._config.num_outputs
        most = int(nodes.max(initial=0)), int(connections.max(initial=0))
        return batch, make_buffer(*ends, *most)


def breed_a_child(preset: str) -> None:
    """Breed, so that the code for it is compiled and kept."""
    chosen = PRESETS[preset]
    breeder = Breeder(chosen, genome_config(resolve(GenomeOptions(), chosen), 1))
    breeder.breed([breeder.create([0, 1])], [2])


def _read_children(batch: Batch) -> list[Genome]:
    """Make genomes of the children that compiled code wrote."""
    text, ends = batch.written[: batch.bounds[-1]].tobytes(), (8 * batch.bounds).tolist()
    return list(map(Genome.read, [text[start:end] for start, end in pairwise(ends)]))
