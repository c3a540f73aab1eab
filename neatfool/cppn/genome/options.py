"""The section ``[DefaultGenome]`` of an experiment: neat-python's own keys, each optional.

The keys come from the installed neat-python's lists of parameters. A key left out has the value of
the preset, which is a way of drawing and evolving CPPNs:

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
from typing import Annotated, Any, Final, Literal

from neat.genome import DefaultGenomeConfig
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, create_model

from neatfool.config.annotations import PluginNames
from neatfool.cppn.activations import ACTIVATIONS, PAPER_ACTIVATIONS
from neatfool.cppn.genome.genes import INPUTS, MOST_OPTIONS, ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import GenomeConfig
from neatfool.errors import nearest

RANDOM: Final = ("random", "none")
"""neat-python's words for a random one of the options."""
FIXED: Final[Mapping[str, str]] = {
    "num_inputs": str(len(INPUTS)),
    "feed_forward": "true",
    "single_structural_mutation": "false",
    "structural_mutation_surer": "default",
    "aggregation_options": "sum",
    "aggregation_default": "sum",
}
"""The keys of which only one value is possible."""


def _number(name: str, **given: object) -> dict[str, object]:
    """Give the keys of an attribute, which never varies unless some say so."""
    values = {
        **{"init_mean": 0.0, "init_stdev": 0.0, "init_type": "gaussian"},
        **{"replace_rate": 0.0, "mutate_rate": 0.0, "mutate_power": 0.5},
        **{"max_value": 10.0, "min_value": -10.0},
    }
    return {f"{name}_{key}": value for key, value in (values | given).items()}


_PAPER: Mapping[str, object] = {
    **FIXED,
    **_number("bias"),
    **_number("response", init_mean=1.0),
    **_number("time_constant", init_mean=1.0, min_value=0.01, mutate_power=0.0),
    "aggregation_mutate_rate": 0.0,
    "enabled_default": "True",
    "enabled_mutate_rate": 0.0,
    "enabled_rate_to_true_add": 0.0,
    "enabled_rate_to_false_add": 0.0,
    "compatibility_disjoint_coefficient": 1.0,
    "compatibility_weight_coefficient": 0.5,
    # What the paper's code has:
    "num_hidden": 0,
    "initial_connection": "full_direct",
    **_number("weight", init_type="uniform", init_stdev=5.0, mutate_rate=0.1, mutate_power=1.0),
    "weight_mutate_eta": 15.0,
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
    **_number("weight", init_stdev=3.0, mutate_rate=0.5, mutate_power=1.0, replace_rate=0.05),
    **_number("bias", init_stdev=1.0, mutate_rate=0.3, replace_rate=0.05),
    "activation_options": ("sin", "gauss", "sigmoid", "tanh", "clamped", "identity", "abs"),
    "enabled_mutate_rate": 0.01,
    "node_add_prob": 0.3,
}


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


@dataclass(frozen=True)
class Preset:
    """A way of evolving CPPNs.

    Attributes:
        name: Its name in experiments.
        inputs: Whether x and y are the pixels' indices ("raw") or in [-1, 1] ("normalised").
        colour: The colour map of images in colour.
        band_limit: How far each node reaches for the mean that it shows, in pixels of the target;
            see :func:`neatfool.cppn.render`.
        refinements: Additions to its mutation; None if it takes none.
        values: A value for each key of neat-python's genome section, except ``num_outputs``.
        idle: The keys that its mutation ignores.
    """

    name: str
    inputs: Literal["raw", "normalised"]
    colour: str
    band_limit: float
    refinements: Refinements | None
    values: Mapping[str, object]
    idle: frozenset[str]


_IDLE = frozenset({"weight_mutate_power", "weight_replace_rate"})
_REFINED = Refinements(initial_rounds=47, graft=0.5, mutation_spread=1.0, mutation_cooling=100)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        each.name: each
        for each in (
            Preset("paper", "raw", "hsv", 0.0, Refinements(), _PAPER, _IDLE),
            Preset("patterns", "normalised", "oklab", 2.0, _REFINED, _PAPER, _IDLE),
            Preset("neat", "normalised", "hsv", 0.0, None, _NEAT, frozenset({"weight_mutate_eta"})),
        )
    }
)
"""The presets by name."""


def _split(value: object) -> list[str]:
    """Split neat-python's lists, whose items a space separates."""
    items = value if isinstance(value, list | tuple) else [value]
    return [word for item in items for word in str(item).split()]


def _known(given: list[str]) -> list[str]:
    for name in given:
        if name not in ACTIVATIONS:
            raise ValueError(f"there is no {name!r}{nearest(name, ACTIVATIONS)}")
    return given


def _connectivity(given: str) -> str:
    """Check a way to connect a new genome: a name, and for partial ones a fraction."""
    names: list[str] = DefaultGenomeConfig.allowed_connectivity
    name, *fraction = given.split() or [""]
    if name not in names:
        raise ValueError(f"there is no {name!r}{nearest(name, names)}")
    if len(fraction) != name.startswith("partial") or not all(
        0.0 <= float(each) <= 1.0 for each in fraction
    ):
        raise ValueError("a way that begins with partial takes a fraction: 'partial_direct 0.5'")
    return given


def _word(*words: str) -> Any:
    return Annotated[Literal[words], BeforeValidator(lambda value: str(value).lower())]


_Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]
_Share = Annotated[FiniteFloat, Field(ge=-1, le=1)]
_Amount = Annotated[FiniteFloat, Field(ge=0)]
_Functions = Annotated[
    list[str],
    BeforeValidator(_split),
    Field(min_length=1, max_length=MOST_OPTIONS),
    AfterValidator(_known),
    PluginNames("activation"),
]
_OF_GENOMES: Final = (
    *("num_inputs", "num_outputs", "num_hidden", "feed_forward"),
    *("compatibility_disjoint_coefficient", "compatibility_weight_coefficient"),
    *("conn_add_prob", "conn_delete_prob", "node_add_prob", "node_delete_prob"),
    *("single_structural_mutation", "structural_mutation_surer", "initial_connection"),
)
"""The keys of a genome: neat-python's, and those of operators of neatfool's own. The keys of genes
come from the genes."""

_KEYS: Final[Mapping[str, tuple[Any, str]]] = {
    "num_outputs": (Annotated[int, Field(ge=0)], "as many as the colour map needs"),
    # A hidden node brings at least five connections; with more nodes a generation fills the memory.
    "num_hidden": (Annotated[int, Field(ge=0, le=1000)], "hidden nodes of a random genome"),
    "disjoint_coefficient": (_Amount, "what a gene without a match adds to a distance of genomes"),
    "weight_coefficient": (_Amount, "the factor of differences in a distance of genomes"),
    "_prob": (_Rate, "the probability of this mutation"),
    "initial_connection": (
        Annotated[str, AfterValidator(_connectivity)],
        "how random genomes are connected. Ways that begin with `partial` take a fraction: "
        "`partial_direct 0.5`",
    ),
    "activation_options": (
        _Functions,
        "the functions that a node may have: those listed below, and those of plugins",
    ),
    "activation_default": (str, "a new node's; `random`: any"),
    "enabled_default": (_word("true", "false", *RANDOM), "a new connection's; `random`: either"),
    "_init_mean": (FiniteFloat, "the mean of a new one"),
    "_init_stdev": (_Amount, "the standard deviation; for `uniform`, half the way to either end"),
    "_init_type": (
        _word("gaussian", "gauss", "normal", "uniform"),
        "the distribution of a new one",
    ),
    "_replace_rate": (_Rate, "the probability that it is drawn anew"),
    "_mutate_rate": (_Rate, "the probability that it changes"),
    "_mutate_power": (_Amount, "the standard deviation of a change"),
    "_mutate_eta": (
        _Amount,
        "the index of polynomial mutation; a larger one: smaller changes",
    ),
    "_max_value": (FiniteFloat, "the largest"),
    "_min_value": (FiniteFloat, "the smallest"),
    "_rate_to_true_add": (_Share, "added to the probability of a change where it is false"),
    "_rate_to_false_add": (_Share, "added to the probability of a change where it is true"),
}
"""The type and the meaning of keys with an ending."""


def _describe(name: str) -> tuple[Any, Any]:
    """Give the field of a key: its type and what it means."""
    if name in FIXED:
        return _word(FIXED[name]) | None, Field(None, description=f"always `{FIXED[name]}`")
    kind, meaning = next(each for ending, each in _KEYS.items() if name.endswith(ending))
    users = [preset.name for preset in PRESETS.values() if name not in preset.idle]
    if name.startswith(("time_constant_", "aggregation_")):
        meaning = "changes nothing"
    elif len(users) < len(PRESETS):
        meaning = f"for `preset = {'` and `'.join(users)}`: {meaning}"
    return kind | None, Field(None, description=meaning)


_of_genes = (
    parameter.name for gene in (NodeGene, ConnectionGene) for parameter in gene.get_config_params()
)
_fields: dict[str, Any] = {name: _describe(name) for name in (*_OF_GENOMES, *_of_genes)}
_Keys = create_model("_Keys", **_fields)


class GenomeOptions(_Keys, extra="forbid"):
    """neat-python's section ``[DefaultGenome]``; None is the preset's value."""


def resolve(options: GenomeOptions, preset: Preset) -> GenomeOptions:
    """Fill in the preset's values for options that are None.

    Returns:
        Options with a value for each key except ``num_outputs``, which the colour map decides.

    Raises:
        ValueError: Values contradict each other or the preset; the message names the key.
    """
    given = options.model_dump(exclude_none=True)
    filled = GenomeOptions.model_validate({**preset.values, **given})
    found = filled.model_dump()
    usual = GenomeOptions.model_validate(dict(preset.values)).model_dump()
    for key in sorted(preset.idle & given.keys()):
        if given[key] != usual[key]:
            raise ValueError(f"{key} has no effect with preset = {preset.name}; leave it out")
    for name in ("weight", "bias", "response"):
        least, mean, most = (
            found[f"{name}_{key}"] for key in ("min_value", "init_mean", "max_value")
        )
        if not least <= mean <= most:
            raise ValueError(
                f"{name}_min_value = {least:g}, {name}_init_mean = {mean:g}, {name}_max_value = "
                f"{most:g}: give them in this order"
            )
    one, several = found["activation_default"], found["activation_options"]
    if one not in (*RANDOM, *several):
        raise ValueError(
            f"activation_default = {one} is not one of activation_options = {' '.join(several)}; "
            "add it there"
        )
    return filled


def genome_config(options: GenomeOptions, num_outputs: int) -> GenomeConfig:
    """Make neat-python's configuration of a genome from options that ``resolve`` filled in."""
    values = options.model_dump(exclude_none=True)
    return GenomeConfig({**values, "num_outputs": num_outputs})
