"""The section ``[DefaultGenome]`` of an experiment: neat-python's own keys, each optional.

The keys come from the installed neat-python's lists of parameters. A key left out has the preset's
value.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal

from neat.genome import DefaultGenomeConfig
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    NonNegativeInt,
    ValidationError,
    create_model,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from neatfool.cppn.activations import ACTIVATIONS, AGGREGATIONS
from neatfool.cppn.genome.genes import MOST_OPTIONS, ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import GenomeConfig
from neatfool.cppn.genome.presets import INPUTS, PRESETS, Preset
from neatfool.errors import nearest

RANDOM = ("random", "none")
"""neat-python's words for a random one of the options."""


def _words(value: object) -> object:
    """Split neat-python's lists, whose items a space separates."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list | tuple):
        return [word for item in value for word in str(item).split()]
    return value


def _known(names: Collection[str]) -> Callable[[list[str]], list[str]]:
    def check(given: list[str]) -> list[str]:
        if not given:
            raise ValueError("no name is given")
        if len(given) > MOST_OPTIONS:
            raise ValueError(f"{len(given)} names; give at most {MOST_OPTIONS}")
        for name in given:
            if name not in names:
                raise ValueError(f"there is no {name!r}{nearest(name, names)}")
        return given

    return check


def _connectivity(given: str) -> str:
    """Check a way to connect a new genome: a name, and for partial ones a fraction."""
    names: list[str] = DefaultGenomeConfig.allowed_connectivity
    name, *fraction = given.split() or [""]
    if name not in names:
        raise ValueError(f"there is no {name!r}{nearest(name, names)}")
    if not name.startswith("partial"):
        if fraction:
            raise ValueError(f"{name} takes no fraction, but {' '.join(fraction)!r} is given")
        return name
    try:
        (value,) = (float(text) for text in fraction)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"give {name} a fraction from 0 to 1: '{name} 0.5'")
    return f"{name} {value}"


def _names(known: Collection[str]) -> Any:
    return Annotated[list[str], BeforeValidator(_words), AfterValidator(_known(known))]


def _name(known: Collection[str]) -> Any:
    check = _known([*known, *RANDOM])
    return Annotated[str, AfterValidator(lambda given: check([given])[0])]


def _word(*words: str) -> Any:
    def lower(value: object) -> object:
        return str(value).lower() if isinstance(value, str | bool) else value

    return Annotated[Literal[words], BeforeValidator(lower)]


_Rate = Annotated[FiniteFloat, Field(ge=0, le=1)]
_Share = Annotated[FiniteFloat, Field(ge=-1, le=1)]
_Amount = Annotated[FiniteFloat, Field(ge=0)]
_DEFAULT = "a new gene's {}; `random`: any"
_OF_GENOMES: dict[str, tuple[Any, str]] = {
    "num_inputs": (NonNegativeInt, f"always {INPUTS}: x, y, the distance from the centre, and 1"),
    "num_outputs": (NonNegativeInt, "as many as the colour map needs"),
    # A hidden node brings at least five connections; with more nodes a generation fills the memory.
    "num_hidden": (Annotated[int, Field(ge=0, le=1000)], "hidden nodes of a random genome"),
    "feed_forward": (bool, "always true: an image has no time for a cycle to run in"),
    "compatibility_disjoint_coefficient": (
        _Amount,
        "what a gene without a match adds to the distance of two genomes",
    ),
    "compatibility_weight_coefficient": (
        _Amount,
        "what a difference between matching genes adds to the distance of two genomes",
    ),
    "conn_add_prob": (_Rate, "the probability of a new connection"),
    "conn_delete_prob": (_Rate, "the probability that a connection goes"),
    "node_add_prob": (_Rate, "the probability that a node splits a connection"),
    "node_delete_prob": (_Rate, "the probability that a hidden node goes"),
    "single_structural_mutation": (bool, "whether a child has one structural mutation at most"),
    "structural_mutation_surer": (
        _word("default", "true", "false"),
        "whether a mutation that cannot be made is made another way. "
        "`default`: as `single_structural_mutation`",
    ),
    "initial_connection": (
        Annotated[str, AfterValidator(_connectivity)],
        "how random genomes are connected. Ways that begin with `partial` take a fraction: "
        "`partial_direct 0.5`",
    ),
}
"""neat-python's parameters of a genome: the type and the meaning of each."""

_OF_GENES: dict[str, tuple[Any, str]] = {
    "activation_options": (_names(ACTIVATIONS), "the functions that a node may have"),
    "activation_default": (_name(ACTIVATIONS), _DEFAULT),
    "aggregation_options": (
        _names(AGGREGATIONS),
        "the ways in which a node may put its inputs together",
    ),
    "aggregation_default": (_name(AGGREGATIONS), _DEFAULT),
    "enabled_default": (_word("true", "false", *RANDOM), _DEFAULT),
}
_BY_ENDING: dict[str, tuple[Any, str]] = {
    "_init_mean": (FiniteFloat, "the mean of a new {}"),
    "_init_stdev": (
        _Amount,
        "the standard deviation of a new {}; for `uniform`, half the way from the mean to either "
        "end",
    ),
    "_init_type": (
        _word("gaussian", "gauss", "normal", "uniform"),
        "the distribution of a new {}",
    ),
    "_replace_rate": (_Rate, "the probability that a {} is drawn anew"),
    "_mutate_rate": (_Rate, "the probability that a {} changes"),
    "_mutate_power": (_Amount, "the standard deviation of a change of a {}"),
    "_mutate_eta": (
        _Amount,
        "the index of polynomial mutation of a {}. A larger one makes smaller changes",
    ),
    "_max_value": (FiniteFloat, "the largest {}"),
    "_min_value": (FiniteFloat, "the smallest {}"),
    "_rate_to_true_add": (_Share, "added to the probability of a change where {} is false"),
    "_rate_to_false_add": (_Share, "added to the probability of a change where {} is true"),
}


def _describe(name: str, kind: type = object) -> tuple[Any, Any]:
    """Give the field of a key, whose type neat-python says."""
    ending = next((each for each in _BY_ENDING if name.endswith(each)), "")
    annotation, meaning = (_OF_GENOMES | _OF_GENES).get(name) or _BY_ENDING.get(
        ending, (kind, "as neat-python has it")
    )
    meaning = meaning.format(name.removesuffix(ending).replace("_", " "))
    users = [preset.name for preset in PRESETS.values() if name not in preset.idle]
    if name.startswith("time_constant_"):
        meaning = "changes nothing: only recurrent networks have it"
    elif len(users) < len(PRESETS):
        meaning = f"for `preset = {'` and `'.join(users)}`: {meaning}"
    return annotation | None, Field(None, description=meaning)


_fields: dict[str, Any] = {
    **{name: _describe(name) for name in _OF_GENOMES},
    **{
        parameter.name: _describe(parameter.name, parameter.value_type)
        for gene in (NodeGene, ConnectionGene)
        for parameter in gene.get_config_params()
    },
}
_Keys = create_model("_Keys", **_fields)


class GenomeOptions(_Keys, extra="forbid"):
    """neat-python's section ``[DefaultGenome]``; None is the preset's value."""


def resolve(options: GenomeOptions, preset: Preset) -> GenomeOptions:
    """Fill in the preset's values for options that are None.

    Returns:
        Options with a value for each key except ``num_outputs``, which the colour map decides.

    Raises:
        ValidationError: Values contradict each other or the preset; each error names its key.
    """
    given = options.model_dump(exclude_none=True)
    filled = GenomeOptions.model_validate({**preset.values, **given})
    problems = _find_disorder(filled, given)
    for key, value, why in (
        ("num_inputs", INPUTS, "x, y, the distance from the centre, and 1"),
        ("feed_forward", True, "a recurrent CPPN cannot be rendered"),
    ):
        if given.get(key, value) != value:
            problems[key] = f"is fixed at {value}: {why}; leave it out"
    usual = GenomeOptions.model_validate(dict(preset.values))
    for key in sorted(preset.idle & given.keys()):
        if given[key] != getattr(usual, key):
            user = next(other.name for other in PRESETS.values() if key not in other.idle)
            problems[key] = (
                f"has no effect with preset = {preset.name}; leave it out, or use preset = {user}"
            )
    if problems:
        raise ValidationError.from_exception_data(
            "DefaultGenome",
            [
                InitErrorDetails(
                    type=PydanticCustomError("value_error", "{error}", {"error": what}),
                    loc=(key,),
                    input=given.get(key),
                )
                for key, what in problems.items()
            ],
        )
    return filled


def genome_config(options: GenomeOptions, num_outputs: int) -> GenomeConfig:
    """Make neat-python's configuration of a genome from options that ``resolve`` filled in."""
    values = options.model_dump(exclude_none=True)
    return GenomeConfig({**values, "num_outputs": num_outputs})


def _find_disorder(filled: GenomeOptions, given: Mapping[str, object]) -> dict[str, str]:
    """Find values that contradict each other; blame a given key."""
    problems = {}

    def blame(*keys: str) -> str:
        return next((key for key in keys if key in given), keys[0])

    for name in ("weight", "bias", "response", "time_constant"):
        low, high, mean = f"{name}_min_value", f"{name}_max_value", f"{name}_init_mean"
        least, most, middle = (getattr(filled, key) for key in (low, high, mean))
        if least > most:
            problems[blame(low, high)] = (
                f"{low} = {least:g} is more than {high} = {most:g}; give both, in order"
            )
        elif not least <= middle <= most:
            problems[blame(mean, low, high)] = (
                f"{mean} = {middle:g} is not between {low} = {least:g} and {high} = {most:g}; "
                "change one of them"
            )
    for name in ("activation", "aggregation"):
        default, options = f"{name}_default", f"{name}_options"
        one, several = getattr(filled, default), getattr(filled, options)
        if one not in (*RANDOM, *several):
            problems[blame(default, options)] = (
                f"{default} = {one} is not one of {options} = {' '.join(several)}; add it there"
            )
    return problems
