"""Reads a configuration into the arrays by which compiled code varies genomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from neat.attributes import BoolAttribute, FloatAttribute
from numpy import ndarray as Array

from neatfool.cppn.breeding import attributes as columns
from neatfool.cppn.breeding.attributes import Plan
from neatfool.cppn.breeding.chance import scale_of
from neatfool.cppn.genome import flat
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene

if TYPE_CHECKING:
    from neatfool.cppn.genome.genome import GenomeConfig


STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


ANY = ("random", "none")
TRUE = ("1", "on", "yes", "true")
CODES = {"activation": flat.ACTIVATION_CODES, "aggregation": flat.AGGREGATION_CODES}
_COLUMNS = {
    "activation": flat.ACTIVATION,
    "aggregation": flat.AGGREGATION,
    "bias": flat.BIAS,
    "response": flat.RESPONSE,
    "time_constant": flat.TIME_CONSTANT,
    "weight": flat.WEIGHT,
    "enabled": flat.ENABLED,
}
_STRUCTURE = ("node_add", "node_delete", "conn_add", "conn_delete")


def make_plan(config: GenomeConfig, *, polynomial: bool, strengths: Sequence[float]) -> Plan:
    """Read a configuration.

    Args:
        config: The configuration.
        polynomial: Whether weights change by polynomial mutation.
        strengths: For each step a factor for the probabilities of all mutations; none exceeds 1.
    """
    configs = [_with_strength(config, strength) for strength in strengths]
    genes = [*NodeGene._gene_attributes, *ConnectionGene._gene_attributes]
    return Plan(
        np.array([[_read(gene, each, polynomial) for gene in genes] for each in configs]),
        np.array([[getattr(each, f"{name}_prob") for name in _STRUCTURE] for each in configs]),
        _read_options(config),
        config.num_inputs,
        config.num_outputs,
        config.single_structural_mutation,
        config.check_structural_mutation_surer(),
    )


def _read_options(config: GenomeConfig) -> Array:
    """Give the codes of the functions: int64 [2, 1 + options], the first how many there are."""
    rows = [
        [codes[option] for option in getattr(config, f"{name}_options")]
        for name, codes in CODES.items()
    ]
    options = np.zeros((2, 1 + max(map(len, rows))), np.int64)
    for number, row in enumerate(rows):
        options[number, : 1 + len(row)] = [len(row), *row]
    return options


def _with_strength(config: GenomeConfig, strength: float) -> GenomeConfig:
    if strength == 1.0:
        return config
    values = vars(config)
    rates = {
        key: min(value * strength, 1.0)
        for key, value in values.items()
        if key.endswith(("_mutate_rate", "_add_prob", "_delete_prob"))
    }
    return cast("GenomeConfig", SimpleNamespace(**{**values, **rates}))


def _read(attribute: Any, config: GenomeConfig, polynomial: bool) -> Array:
    """Read an attribute: float64 [PLAN]."""
    name = attribute.name
    row = np.zeros(columns.PLAN)
    row[columns.COLUMN] = _COLUMNS[name]
    rate = float(getattr(config, f"{name}_mutate_rate"))
    if isinstance(attribute, FloatAttribute):
        _read_number(row, name, rate, config, polynomial and name == "weight")
    elif isinstance(attribute, BoolAttribute):
        default = str(getattr(config, f"{name}_default")).lower()
        row[columns.BEGIN] = columns.COIN if default in ANY else columns.FIXED
        row[columns.FIRST] = default in TRUE
        more = [getattr(config, f"{name}_rate_to_{value}_add") for value in ("true", "false")]
        rates = [min(max(rate + each, 0.0), 1.0) for each in more]
        row[columns.RATE_FALSE], row[columns.RATE_TRUE] = rates
        _read_rate(row, max(rates), columns.SWITCH)
    else:
        default = str(getattr(config, f"{name}_default"))
        is_drawn = default.lower() in ANY
        row[columns.BEGIN] = columns.ANY_NAME if is_drawn else columns.FIXED
        row[columns.FIRST] = 0 if is_drawn else CODES[name][default]
        _read_rate(row, rate, columns.NAME)
    return row


def _read_rate(row: Array, rate: float, change: int) -> None:
    row[columns.CHANGE] = change if rate > 0.0 else columns.NEVER
    row[columns.RATE] = min(max(rate, 0.0), 1.0)
    row[columns.SCALE] = scale_of(rate)


def _read_number(
    row: Array, name: str, rate: float, config: GenomeConfig, polynomial: bool
) -> None:
    def of(*keys: str) -> list[Any]:
        return [getattr(config, f"{name}_{key}") for key in keys]

    low, high = row[columns.LOW], row[columns.HIGH] = of("min_value", "max_value")
    mean, stdev, kind = of("init_mean", "init_stdev", "init_type")
    if not stdev:
        row[columns.BEGIN], row[columns.FIRST] = columns.FIXED, max(min(mean, high), low)
    elif "uniform" in kind.lower():
        # As in neat-python: two deviations to either side, within the bounds.
        first, last = max(low, mean - 2.0 * stdev), min(high, mean + 2.0 * stdev)
        row[columns.BEGIN] = columns.UNIFORM
        row[columns.FIRST], row[columns.SPAN] = first, last - first
    else:
        row[columns.BEGIN] = columns.GAUSSIAN
        row[columns.FIRST], row[columns.SPAN] = mean, stdev
    if polynomial:
        _read_rate(row, rate, columns.POLYNOMIAL)
        row[columns.POWER] = 1.0 / (config.weight_mutate_eta + 1.0)
        return
    replaced, power = of("replace_rate", "mutate_power")
    row[columns.CHANGE] = columns.NUMBER if rate + replaced else columns.NEVER
    row[columns.MOVED], row[columns.RATE], row[columns.POWER] = rate, rate + replaced, power
