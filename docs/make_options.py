"""Write the tables of options in ``docs/experiments.md`` from the options' models.

Run ``python docs/make_options.py`` after you change an option. A table stands between the comments
``<!-- options WHAT -->`` and ``<!-- end -->``. WHAT is a plugin, as ``scheme.gradient``, or a
section for the keys of neatfool's own, or ``learning``. Behind it may come

- another section of the plugin: ``scheme.single_class DefaultStagnation``;
- ``FIRST..LAST``: only the keys from one to another; either may be left out;
- ``by-preset``: the defaults of each preset.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from neatfool import LearningOptions
from neatfool.config.described import describe_options
from neatfool.config.values import write_value
from neatfool.experiment.framework import OWN_KEYS
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from neatfool.config.described import DescribedOption

PAGE = Path(__file__).with_name("experiments.md")
BLOCK = re.compile(r"(<!-- options (\S+)([^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """Give a page with its tables written anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{table(found[2], found[3])}\n{found[4]}", page)


def model_of(what: str) -> type[BaseModel]:
    kind, _, name = what.partition(".")
    if name:
        return PluginManager().load(kind, name).options
    return {**OWN_KEYS, "learning": LearningOptions}[what]


def table(what: str, words: str) -> str:
    model, kind = model_of(what), what.partition(".")[0]
    presets = get_args(model.model_fields["preset"].annotation) if "by-preset" in words else ()
    section = re.match(r" (\w+)(?= |$)", words)
    borders = re.search(r"(\w*)\.\.(\w*)", words)
    described = [
        describe_options(model, kind, **given)[section[1] if section else kind]
        for given in [{"preset": preset} for preset in presets] or [{}]
    ]
    rows = [("key", *([f"`{each}`" for each in presets] or ("type", "default")), "what it is for")]
    rows += [
        (
            f"`{option.key}`",
            *([] if presets else [option.type]),
            *map(default_of, options),
            option.description,
        )
        for options in zip(*described, strict=True)
        for option in options[:1]
    ]
    keys = [row[0].strip("`") for row in rows]
    start = keys.index(borders[1]) if borders and borders[1] else 1
    stop = keys.index(borders[2]) + 1 if borders and borders[2] else len(keys)
    return "".join(map(line, [rows[0], ["---"] * len(rows[0]), *rows[start:stop]]))


def default_of(option: DescribedOption) -> str:
    if option.required:
        return "must be given"
    return f"`{write_value(option.default)}`" if option.default not in (None, [], "") else ""


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
