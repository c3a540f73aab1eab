"""Turns options and a preset into neat-python's configuration of a genome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from neatfool.cppn.genome.genome import GenomeConfig
from neatfool.cppn.genome.options import RANDOM, GenomeOptions
from neatfool.cppn.genome.presets import INPUTS, PRESETS

if TYPE_CHECKING:
    from neatfool.cppn.genome.presets import Preset


def resolve(options: GenomeOptions, preset: Preset) -> GenomeOptions:
    """Fill in the preset's values for options that are None.

    Returns:
        Options with a value for each key except ``num_outputs``, which the colour map decides.

    Raises:
        ValidationError: Values contradict each other or the preset; each error names its key.
    """
    given = options.model_dump(exclude_none=True)
    filled = GenomeOptions.model_validate({**preset.values, **given})
    problems = {**_find_disorder(filled, given), **_find_fixed(given), **_find_idle(given, preset)}
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


def _find_fixed(given: Mapping[str, object]) -> dict[str, str]:
    """Find keys that the encoding fixes and that were given another value."""
    problems = {}
    if given.get("num_inputs", INPUTS) != INPUTS:
        problems["num_inputs"] = (
            f"is fixed at {INPUTS}: x, y, the distance from the centre, and 1; leave it out"
        )
    if given.get("feed_forward") is False:
        problems["feed_forward"] = (
            "is fixed at True, because a recurrent CPPN cannot be rendered; leave it out"
        )
    return problems


def _find_idle(given: Mapping[str, object], preset: Preset) -> dict[str, str]:
    """Find keys that the preset ignores and that were given a value other than its own."""
    usual = GenomeOptions.model_validate(dict(preset.values))
    problems = {}
    for key in sorted(preset.idle & given.keys()):
        if given[key] != getattr(usual, key):
            user = next(other.name for other in PRESETS.values() if key not in other.idle)
            problems[key] = (
                f"has no effect with preset = {preset.name}; leave it out, or use preset = {user}"
            )
    return problems
