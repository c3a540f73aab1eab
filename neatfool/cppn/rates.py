"""Reads the rates of mutation from neat-python's configuration of a genome."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.genome.genes import ACTIVATION_CODES, AGGREGATION_CODES, MOST_OPTIONS
from neatfool.cppn.genome.genome import GenomeConfig
from neatfool.cppn.mutation import (
    FIXED,
    GAUSSIAN,
    RANDOM,
    RATES,
    UNIFORM,
    MutationRates,
    NameRates,
    NumberRates,
    SwitchRates,
)
from neatfool.cppn.rng import scale_of

STEPS_AN_OCTAVE: Final = 4
"""Strengths are rounded to this many steps an octave, as each needs prepared probabilities."""

_NEAT_PYTHONS_KEYS: Final = {
    "add_connection": "conn_add_prob",
    "delete_connection": "conn_delete_prob",
    "add_node": "node_add_prob",
    "delete_node": "node_delete_prob",
}
_ANY: Final = ("random", "none")


def strength_step(strength: float) -> int:
    """Round a strength of mutation: give its step, 0 for the strength 1."""
    return round(STEPS_AN_OCTAVE * math.log2(strength))


def read_rates(config: GenomeConfig, steps: Sequence[int]) -> Array:
    """Read a configuration: ``RATES`` [S], for each step of strength.

    The strength is a factor for the probabilities of all mutations, none of which exceeds 1.
    """
    found = [_RatesReader(config, 2.0 ** (step / STEPS_AN_OCTAVE)).read() for step in steps]
    return np.array(found, RATES)


class _RatesReader:
    """Reads a configuration for a strength of mutation."""

    def __init__(self, config: GenomeConfig, strength: float) -> None:
        self._config, self._strength = config, strength

    def read(self) -> MutationRates:
        """Read all rates."""
        rates: dict[str, Any] = {
            name: self._probability(_NEAT_PYTHONS_KEYS.get(name, f"{name}_prob"))
            for name, kind in MutationRates.__annotations__.items()
            if kind is float
        }
        numbers = ("weight", "bias", "response", "time_constant")
        rates |= {name: self._numbers(name) for name in numbers}
        return MutationRates(
            enabled=self._switch("enabled"),
            activation=self._names("activation", ACTIVATION_CODES),
            aggregation=self._names("aggregation", AGGREGATION_CODES),
            single=self._config.single_structural_mutation,
            surer=self._config.check_structural_mutation_surer(),
            **rates,
        )

    def _get(self, name: str, *keys: str) -> list[Any]:
        return [getattr(self._config, f"{name}_{key}") for key in keys]

    def _probability(self, key: str) -> float:
        return min(getattr(self._config, key, 0.0) * self._strength, 1.0)

    def _numbers(self, name: str) -> NumberRates:
        rate = self._probability(f"{name}_mutate_rate")
        least, most = self._get(name, "min_value", "max_value")
        mean, deviation, kind = self._get(name, "init_mean", "init_stdev", "init_type")
        distribution, start, span = GAUSSIAN, mean, deviation
        if not deviation:
            distribution, start = FIXED, max(min(mean, most), least)
        elif "uniform" in kind.lower():
            # As in neat-python: two deviations to either side, within the bounds.
            distribution, start = UNIFORM, max(least, mean - 2.0 * deviation)
            span = min(most, mean + 2.0 * deviation) - start
        replace, power = self._get(name, "replace_rate", "mutate_power")
        return NumberRates(
            mutate=rate,
            replace=replace,
            power=power,
            exponent=1.0 / (getattr(self._config, f"{name}_mutate_eta", 0.0) + 1.0),
            scale=scale_of(rate),
            least=least,
            most=most,
            distribution=distribution,
            start=start,
            span=span,
        )

    def _names(self, name: str, codes: dict[str, int]) -> NameRates:
        default, options = self._get(name, "default", "options")
        rate, is_drawn = self._probability(f"{name}_mutate_rate"), str(default).lower() in _ANY
        return NameRates(
            rate,
            scale_of(rate),
            default=RANDOM if is_drawn else codes[str(default)],
            choices=len(options),
            options=np.resize([codes[option] for option in options], MOST_OPTIONS),
        )

    def _switch(self, name: str) -> SwitchRates:
        default, *more = self._get(name, "default", "rate_to_false_add", "rate_to_true_add")
        rate, text = self._probability(f"{name}_mutate_rate"), str(default).lower()
        of_true, of_false = (min(max(rate + each, 0.0), 1.0) for each in more)
        most = max(of_true, of_false)
        return SwitchRates(
            most, scale_of(most), of_true, of_false, RANDOM if text in _ANY else text == "true"
        )
