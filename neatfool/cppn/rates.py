"""Reads the rates of mutation from neat-python's configuration of a genome."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.genome.genes import ACTIVATION_CODES, AGGREGATION_CODES, MOST_OPTIONS
from neatfool.cppn.genome.genome import GenomeConfig
from neatfool.cppn.mutation import (
    RANDOM,
    RATES,
    MutationRates,
    NameRates,
    NumberRates,
    SwitchRates,
)

STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""

_NEAT_PYTHONS: Final = {
    "conn_add_prob": "add_connection_prob",
    "conn_delete_prob": "delete_connection_prob",
    "node_add_prob": "add_node_prob",
    "node_delete_prob": "delete_node_prob",
}
"""neat-python's keys of operators, and what they would be by the operators' names."""


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


def read_rates(config: GenomeConfig, steps: Sequence[int]) -> Array:
    """Read a configuration: ``RATES`` [S], for each step of strength.

    The strength is a factor for the probabilities of all mutations, none of which exceeds 1.
    """
    return np.array([_read(config, 2.0 ** (step / STEPS_AN_OCTAVE)) for step in steps], RATES)


def _read(config: GenomeConfig, strength: float) -> MutationRates:
    keys: dict[str, Any] = {
        _NEAT_PYTHONS.get(key, key): min(value * strength, 1.0)
        if key.endswith(("_mutate_rate", "_prob"))
        else value
        for key, value in vars(config).items()
    }
    operators = [name for name, kind in MutationRates.__annotations__.items() if kind is float]
    rates: dict[str, Any] = {name: keys.get(f"{name}_prob", 0.0) for name in operators}
    for name in ("weight", "bias", "response", "time_constant"):
        own = {field: keys.get(f"{name}_{field}", 0.0) for field in NumberRates._fields}
        own["init_uniform"] = "uniform" in keys[f"{name}_init_type"].lower()
        rates[name] = NumberRates(**own)
    for name, codes in (("activation", ACTIVATION_CODES), ("aggregation", AGGREGATION_CODES)):
        options = keys[f"{name}_options"]
        padded = np.resize([codes[option] for option in options], MOST_OPTIONS)
        default = _read_default(keys[f"{name}_default"], codes)
        rates[name] = NameRates(keys[f"{name}_mutate_rate"], default, len(options), padded)
    where_true, where_false = (
        min(max(keys["enabled_mutate_rate"] + keys[f"enabled_rate_to_{other}_add"], 0.0), 1.0)
        for other in ("false", "true")
    )
    default = _read_default(str(keys["enabled_default"]).lower(), {"true": 1, "false": 0})
    rates["enabled"] = SwitchRates(where_true, where_false, default)
    surer = config.check_structural_mutation_surer()
    return MutationRates(single=config.single_structural_mutation, surer=surer, **rates)


def _read_default(value: object, codes: Mapping[str, int]) -> int:
    return RANDOM if str(value).lower() in ("random", "none") else codes[str(value)]
