"""Writes the viewer of Fooling Images: a choice of them, drawn when Sphinx builds the site.

``docs/fooling-images.md`` asks for it with ``<!-- fooling-images viewer -->``, and for what other
networks see with ``<!-- judges -->``. Without JavaScript each small image leads to the large one.
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from neatfool.wording import percent

sys.path.insert(0, str(Path(__file__).parents[1] / "images"))

from judges import TABLE, read_answers
from neatfool_images import FoolingImages, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

SHELL: Final = Path(__file__).with_name("fooling_images.html")
MOST: Final = 20
"""Images of one data set."""


def choose(images: FoolingImages) -> list[int]:
    """Choose up to 20 classes of each data set, and of each the image of highest confidence.

    The networks of a data set take turns.
    """
    found: dict[tuple[str, int, str], int] = {}
    for place, each in sorted(enumerate(images.records), key=lambda pair: pair[1].confidence):
        found[each.data, each.index, each.network] = place
    chosen = []
    for data in dict.fromkeys(each.data for each in images.records):
        classes = sorted({index for name, index, _ in found if name == data})
        for turn, index in enumerate(classes[:: -(-len(classes) // MOST)]):
            networks = sorted(each for name, at, each in found if (name, at) == (data, index))
            chosen.append(found[data, index, networks[turn % len(networks)]])
    return chosen


def agreement(codes: Iterable[str]) -> str:
    """Say of an image how many judges name its class, and how many with at least 50 %."""
    known = [int(code) for code in codes if code]
    named, sure = (sum(code >= least for code in known) for least in (2, 3))
    return f"{named} of {len(known)}, {sure} with 50 %" if known else "not asked"


def judges_table() -> str:
    """Write what each judge sees, as Markdown: a row a judge."""
    rows = [
        "| judge | right about real images | names the class | with 50 % |",
        "|---|---|---|---|",
    ]
    answers = read_answers().values()
    for judge, about in json.loads(TABLE.with_suffix(".json").read_text("utf-8")).items():
        codes = [int(each[judge]) for each in answers if each[judge]]
        shares = [sum(code >= least for code in codes) / len(codes) for least in (2, 3)]
        figures = [
            percent(about["accuracy"]),
            f"{shares[0]:.0%} of {len(codes):,}",
            f"{shares[1]:.0%}",
        ]
        rows.append(f"| {' | '.join([judge, *figures])} |")
    return "\n".join(rows)


def facts(record: Record, codes: Iterable[str]) -> dict[str, str]:
    """Say what is known of an image, in the order in which it is shown."""
    return {
        "class": record.name,
        "confidence": percent(record.confidence),
        "network": record.network,
        "classes of": record.data,
        "drawn at": f"{record.width} by {record.height} pixels",
        "tier": f"{record.tier}, {'near' if record.near else 'far'}",
        "other families": agreement(codes),
        "after JPEG": percent(record.jpeg),
        "after blur": percent(record.blur),
        "after a move": percent(record.moved),
    }


def viewer(records: list[Record]) -> str:
    """Write the viewer: an image large with what is known of it, and all to choose from."""
    answers = read_answers()

    def known(record: Record) -> dict[str, str]:
        return facts(record, answers.get(record.id, {}).values())

    def thumbnail(record: Record) -> str:
        said = "|".join(f"{name}={text}" for name, text in known(record).items())
        label = f"{record.name}, {percent(record.confidence)}, {record.network}"
        file = f"fooling-images/{record.id}.png"
        return (
            f'<a href="{file}" data-facts="{escape(said)}">'
            f'<img loading="lazy" src="{file}" width="56" height="56" alt="{escape(label)}"></a>'
        )

    first = records[0]
    listed = "".join(
        f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in known(first).items()
    )
    text = SHELL.read_text(encoding="utf-8")
    for name, made in (
        ("file", f"fooling-images/{first.id}.png"),
        ("name", escape(first.name)),
        ("facts", listed),
        ("thumbnails", "".join(map(thumbnail, records))),
    ):
        text = text.replace(f"{{{name}}}", made)
    return text


def setup(app: Sphinx) -> None:
    """Fill the page when Sphinx reads it, and draw the images into the site."""
    images = FoolingImages()
    chosen = choose(images)

    def fill(app: Sphinx, name: str, source: list[str]) -> None:
        made = viewer([images.records[place] for place in chosen])
        block = f"```{{raw}} html\n{made}```"
        text = source[0].replace("<!-- fooling-images viewer -->", block)
        source[0] = text.replace("<!-- judges -->", judges_table())

    def draw(app: Sphinx, error: Exception | None) -> None:
        if error is None and app.builder.format == "html":
            folder = Path(app.outdir) / "fooling-images"
            for place in chosen:
                images.draw(place).save(folder / f"{images.records[place].id}.png")

    app.connect("source-read", fill)
    app.connect("build-finished", draw)
