"""The presets: ways of drawing and evolving CPPNs, each a full set of values for their keys.

``paper``
    Evolves as the paper's own code: see :mod:`neatfool.cppn.mutation`. A child has
    one parent.
``patterns``
    Evolves so too, with all that made searches need fewer images; and draws pictures that do not
    depend on the grid of pixels. The best that is known for photographs' networks.
``neat``
    Evolves as neat-python: its mutation, and its crossover of two parents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

PAPER_ACTIVATIONS = ("paper_sine", "paper_sigmoid", "paper_gaussian", "paper_linear")
"""sin(z), 2/(1 + exp(-z)) - 1, exp(-z^2) and clip(z, -3, 3)/3."""

INPUT_LABELS = ("x", "y", "d", "1")
"""The inputs in their order: column, row, distance from the centre, and one."""
INPUTS = len(INPUT_LABELS)


def _number(name: str, *, mean: float, least: float, power: float) -> dict[str, object]:
    """Give the keys of an attribute that never varies."""
    values = {
        **{"init_mean": mean, "init_stdev": 0.0, "init_type": "gaussian"},
        **{"replace_rate": 0.0, "mutate_rate": 0.0, "mutate_power": power},
        **{"max_value": 10.0, "min_value": least},
    }
    return {f"{name}_{key}": value for key, value in values.items()}


_NOT_IN_THE_PAPER: Mapping[str, object] = {
    **_number("bias", mean=0.0, least=-10.0, power=0.5),
    **_number("response", mean=1.0, least=-10.0, power=0.5),
    **_number("time_constant", mean=1.0, least=0.01, power=0.0),
    "aggregation_default": "sum",
    "aggregation_options": "sum",
    "aggregation_mutate_rate": 0.0,
    "enabled_default": "True",
    "enabled_mutate_rate": 0.0,
    "enabled_rate_to_true_add": 0.0,
    "enabled_rate_to_false_add": 0.0,
    "single_structural_mutation": False,
    "structural_mutation_surer": "default",
    "compatibility_disjoint_coefficient": 1.0,
    "compatibility_weight_coefficient": 0.5,
}

_PAPER: Mapping[str, object] = {
    "num_inputs": INPUTS,
    "feed_forward": True,
    **_NOT_IN_THE_PAPER,
    "num_hidden": 0,
    "initial_connection": "full_direct",
    "weight_init_type": "uniform",
    "weight_init_mean": 0.0,
    "weight_init_stdev": 5.0,
    "weight_min_value": -10.0,
    "weight_max_value": 10.0,
    "weight_mutate_rate": 0.1,
    "weight_mutate_eta": 15.0,
    "weight_mutate_power": 1.0,
    "weight_replace_rate": 0.0,
    "activation_default": "random",
    "activation_options": PAPER_ACTIVATIONS,
    "activation_mutate_rate": 0.1,
    "conn_add_prob": 0.5,
    "conn_delete_prob": 0.3,
    "node_add_prob": 0.5,
    "node_delete_prob": 0.2,
}

_NEAT: Mapping[str, object] = {
    **_PAPER,
    "weight_init_type": "gaussian",
    "weight_init_stdev": 3.0,
    "weight_mutate_rate": 0.5,
    "weight_replace_rate": 0.05,
    "bias_init_stdev": 1.0,
    "bias_mutate_rate": 0.3,
    "bias_replace_rate": 0.05,
    "activation_options": ("sin", "gauss", "sigmoid", "tanh", "clamped", "identity", "abs"),
    "enabled_mutate_rate": 0.01,
    "node_add_prob": 0.3,
}


@dataclass(frozen=True)
class Preset:
    """A way of evolving CPPNs.

    Attributes:
        name: Its name in experiments.
        inputs: Whether x and y are the pixels' indices ("raw") or in [-1, 1] ("normalised").
        colour: The colour map of images in colour.
        band_limit: How far each node reaches for the mean that it shows, in pixels of the target;
            see :func:`neatfool.cppn.render`.
        refinements: Values for the fields of :class:`neatfool.cppn.Refinements`; None if its
            mutation has none.
        values: A value for each key of neat-python's genome section, except ``num_outputs``.
        idle: The keys that its mutation ignores.
    """

    name: str
    inputs: Literal["raw", "normalised"]
    colour: str
    band_limit: float
    refinements: Mapping[str, Any] | None
    values: Mapping[str, object]
    idle: frozenset[str]


@dataclass(frozen=True)
class Refinements:
    """Additions to the paper's way of evolving CPPNs.

    Attributes:
        initial_rounds: A random CPPN grows by a random number of rounds, from 0 to this. Each round
            splits a connection by a node and adds a connection.
        graft: The probability that a child takes one output from a second parent.
        mutation_spread: For each child, the probabilities of all mutations are multiplied by a
            random factor between e^-s and e^s, with this s; its logarithm is uniform.
        mutation_cooling: After this many generations mutations and grafts are half as likely as at
            the beginning, after twice as many a third as likely. 0: no cooling.
    """

    initial_rounds: int = 0
    graft: float = 0.0
    mutation_spread: float = 0.0
    mutation_cooling: int = 0


_IDLE = frozenset({"weight_mutate_power", "weight_replace_rate"})
_REFINEMENTS = {
    "initial_rounds": 47,
    "graft": 0.5,
    "mutation_spread": 1.0,
    "mutation_cooling": 100,
}

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        each.name: each
        for each in (
            Preset("paper", "raw", "hsv", 0.0, {}, _PAPER, _IDLE),
            Preset("patterns", "normalised", "oklab", 2.0, _REFINEMENTS, _PAPER, _IDLE),
            Preset("neat", "normalised", "hsv", 0.0, None, _NEAT, frozenset({"weight_mutate_eta"})),
        )
    }
)
"""The presets by name."""
