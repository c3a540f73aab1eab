"""What a file of neat-python has, and where neatfool has it: for messages."""

from typing import Final

from neatfool.config.sections import ConfigSection, Problems
from neatfool.errors import nearest

_SPECIES: Final = "is read with [scheme] plugin = single_class only; pick that, or leave it out"
NEAT_SECTIONS: Final = {
    "NEAT": "is neat-python's, and is not read here; leave it out",
    "DefaultGenome": "is read with [encoding] plugin = cppn only; pick that, or leave it out",
    "DefaultSpeciesSet": _SPECIES,
    "DefaultStagnation": _SPECIES,
    "DefaultReproduction": _SPECIES,
}
"""neat-python's sections: what to do if no plugin of an experiment reads them."""

_LENGTH: Final = "a run ends at its length; write [experiment] generations or images"
NEAT_KEYS: Final = {
    "pop_size": "write [scheme] batch, or with plugin = single_class [scheme] population",
    "fitness_criterion": "it belongs to fitness_threshold, which is not read either; leave it out",
    "fitness_threshold": f"{_LENGTH}; with plugin = single_class also [scheme] stop_at",
    "no_fitness_termination": f"{_LENGTH}; with plugin = single_class also [scheme] stop_at = 1",
    "reset_on_extinction": "a population that dies out always begins anew; leave it out",
    "seed": "write [experiment] seed",
}
"""The keys of neat-python's section ``[NEAT]``: what to write in their place."""


def note_neat_section(name: str, section: ConfigSection, problems: Problems) -> None:
    """Note that a section of neat-python is not read, and for its keys what to write instead."""
    keys = section.values if name == "NEAT" else {}
    for key, place in keys.items():
        known = NEAT_KEYS.get(key)
        advice = f"is neat-python's; {known}" if known else f"unknown key{nearest(key, NEAT_KEYS)}"
        problems.add_at(place, name, key, advice)
    if not keys:
        problems.add_at(section, name, "", NEAT_SECTIONS[name])
