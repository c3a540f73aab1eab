"""Writes FoolBench from its entries: ``python docs/foolbench.py`` draws its picture anew.

An entry is a JSON file in ``docs/_extra/foolbench``, by ``neatfool audit --write entry.json``.
Sphinx makes two things of them: a page of its own with a table for each data set, and, in
``docs/foolbench.md``, what the comments ``<!-- foolbench NAME -->`` ask for, so that no figure is
copied by hand.
"""

from __future__ import annotations

import json
import math
import re
import sys
import tomllib
from base64 import b64decode
from collections import Counter
from functools import partial
from html import escape
from io import BytesIO
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from scipy.stats import kendalltau, spearmanr

from neatfool.wording import percent, share
from neatfool_plugins.audit.card import ReportCard
from neatfool_plugins.audit.exports import Entry
from neatfool_plugins.audit.known_images import RESTS, left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sphinx.application import Sphinx

FOLDER: Final = Path(__file__).parent / "_extra" / "foolbench"
SHELL: Final = Path(__file__).with_name("foolbench.html")
WILD: Final = Path(__file__).with_name("wild.toml")
PICTURE: Final = Path(__file__).parent / "images" / "foolbench.webp"
FIRST, LAST = 100, 200_000
"""The scale of images, logarithmic."""
LISTS: Final = {
    "MNIST": "2fcfcee0d92ebc2a524d63b1a9318bae3edd0ac5a8513f2a2dc5eee916dc2fb1",
    "CIFAR-10": "33945049b0f076700674c8a2faf71a90a9e709e21276a424145655cf32b9d0be",
}
"""The in-distribution images of a data set, by the SHA-256 of the list of their hashes: an entry
that saw others is not ranked."""
RELIABLE: Final = 0.8
"""Entries are ranked if two halves of the seeds agree on their order up to so much (tau)."""


class Row(NamedTuple):
    """An entry, and the figures of the table."""

    name: str
    entry: Entry
    network: str
    guard: str
    kind: str
    right: float | None
    budget: int
    """Images with each seed: within these are the costs, and what they bring to :attr:`later`."""
    until: tuple[float, ...]
    """Infinite: never."""
    every: float
    number: float | None
    later: float | None
    numbers: tuple[float, ...]
    fooled: float
    median: float
    simple: float | None
    survives: float | None
    transfer: float | None
    warning: str = ""
    """In what its in-distribution images are not those of the other entries."""


def images_of(by_seed: list[int | None]) -> float:
    """Give the median over seeds; infinity is never."""
    return float(median(each or math.inf for each in by_seed))


def row_of(name: str, entry: Entry) -> Row:
    """Take the figures of an entry."""
    card, about, longest = entry.card, entry.about, entry.longer or entry.card
    accepted = card.acceptance
    usual = accepted.at("usual")

    def passing(*groups: str) -> float | None:
        if usual is None:
            return None
        count, every = accepted.count(usual, *groups)
        return count / every

    known = next((each for each in accepted.kinds if each.group == "in-distribution"), None)
    asked = card.transfer.networks if card.transfer else []
    return Row(
        name=name,
        entry=entry,
        network=about.get("network", card.name),
        guard=", ".join(filter(None, map(about.get, ("training", "defence")))),
        kind="detector" if "defence" in about else "trained" if "training" in about else "plain",
        right=known.right if known else None,
        budget=longest.images,
        until=tuple(images_of(each.by_seed) for each in longest.until),
        every=images_of(longest.until[2].all_by_seed),
        number=card.fooled.share.value if card.fooled else None,
        later=longest.fooled.share.value if entry.longer and longest.fooled else None,
        numbers=tuple(card.fooled.by_seed) if card.fooled else (),
        fooled=longest.fooled.until_half or math.inf if longest.fooled else math.nan,
        median=card.median.median,
        simple=passing("noise", "blank", "texture"),
        survives=passing("changed"),
        transfer=asked[0].top1.median if asked else None,
    )


def read_rows() -> list[Row]:
    """Read all entries, those that took the most images until 99 % first."""
    files = sorted(FOLDER.glob("*.json"))
    rows = [row_of(file.stem, Entry.model_validate_json(file.read_bytes())) for file in files]
    rows = [row._replace(warning=warning_of(row)) for row in rows]
    return sorted(rows, key=lambda row: [-each for each in (*row.until[::-1], row.every)])


def warning_of(row: Row) -> str:
    """Say if a row's in-distribution images are not those that its data set's entries must see."""
    known, fixed = row.entry.card.known, LISTS.get(row.entry.about.get("data", ""))
    if known is None or fixed is None or known.sha256 == fixed:
        return ""
    own, usual = (
        (FOLDER / f"{name}.txt").read_text(encoding="ascii").split()
        for name in (known.sha256, fixed)
    )
    missing = left_out(
        known.model_copy(update={"images": own}),
        known.model_copy(update={"images": usual, "number": len(usual)}),
    )
    chosen = f" Of the {len(usual):,} of that list, {missing:,} were left out. {RESTS}"
    return f"Not ranked: it saw in-distribution images of another list.{chosen * (missing > 0)}"


class Span(NamedTuple):
    """A figure of an entry: the lowest of its seeds, their median or mean, and the highest."""

    low: float
    middle: float
    high: float
    """Infinite: not within the budget."""


class Measure(NamedTuple):
    """What a data set's entries could be ranked by."""

    name: str
    by_seed: Callable[[Row], list[float]]
    """A figure for each seed, infinite if not within the budget; none where it is not known."""
    more: bool
    """Whether a higher figure is the more resistant one."""

    def read(self, row: Row) -> Span | None:
        """Sum up the seeds; what is not found took more than the budget."""
        if not (found := self.by_seed(row)):
            return None
        if self.more:
            return Span(min(*found, row.budget + 1), median(found), max(found))
        return Span(min(found), float(np.mean(found)), max(found))

    def tau(self, rows: list[Row]) -> list[float]:
        """Compare the orders by some of the seeds and by the others: Kendall's tau of each split.

        Empty if fewer than four entries have the figure, or none differ. Means of logarithms are
        compared, where *never* counts as twice the budget.
        """
        found = [(row, self.by_seed(row)) for row in rows]
        costs = [
            [math.log(min(each, 2 * row.budget)) if self.more else each for each in by_seed]
            for row, by_seed in found
        ]
        seeds = min(map(len, costs), default=0)
        taus = []
        for half in combinations(range(seeds), seeds // 2) if len(rows) >= 4 else ():
            other = {*range(seeds)} - {*half}
            both = [[np.mean([c[s] for s in part]) for c in costs] for part in (half, other)]
            taus.append(kendalltau(*both).statistic)
        return [] if np.isnan(taus).any() else taus

    def reliability(self, rows: list[Row]) -> float:
        """Give the mean of :meth:`tau`; 0 if there is none."""
        return float(np.mean(self.tau(rows) or [0.0]))

    def beats(self, row: Row, other: Row) -> bool:
        """Say whether a network resists longer than another with each seed of both."""
        one, two = self.read(row), self.read(other)
        if one is None or two is None:
            return False
        return one.low > two.high if self.more else one.high < two.low

    def pairs(self, rows: list[Row]) -> int:
        """Count the pairs that it tells apart."""
        pairs = combinations(rows, 2)
        return sum(self.beats(*pair) or self.beats(*pair[::-1]) for pair in pairs)


def images_until(number: int, seeds: str, row: Row) -> list[float]:
    """Give the images until a confidence."""
    until = (row.entry.longer or row.entry.card).until[number]
    return [float(each or math.inf) for each in getattr(until, seeds)]


SURE: Final = ("50 %", "90 %", "99 %")
FOOLED: Final = Measure("classes fooled", lambda row: [*row.numbers], more=False)
MEASURES: Final = (
    *(
        Measure(
            f"images until {classes} classes are at {SURE[number]}",
            partial(images_until, number, seeds),
            more=True,
        )
        for classes, seeds in (("half of the", "by_seed"), ("all", "all_by_seed"))
        for number in (2, 1, 0)
    ),
    FOOLED,
)
"""The first of those that tell as many pairs apart is taken."""


def measure_of(rows: list[Row]) -> Measure:
    """Choose what tells the most pairs apart, of what is reliable, if anything is."""
    found = [
        each
        for each in MEASURES
        if any(span and span.middle < math.inf for span in map(each.read, rows))
    ]
    reliable = [each for each in found if each.reliability(rows) >= RELIABLE]
    if reliable:
        return max(reliable, key=lambda each: each.pairs(rows))
    return max(found, key=lambda each: (each.reliability(rows), each.pairs(rows)))


def ranked(rows: list[Row], measure: Measure) -> list[tuple[int | None, Row]]:
    """Rank entries, the most resistant first; those that are not to be ranked are last.

    A rank goes from an entry to the last that this one does not beat with each seed. No rank is
    given where the seeds do not agree on the order.
    """
    reliable = measure.reliability([row for row in rows if not row.warning]) >= RELIABLE

    def key(row: Row) -> tuple[float, ...]:
        sign = -1 if measure.more else 1
        return (bool(row.warning), *(sign * e for e in (measure.read(row) or ())[1::-1]))

    ranks = list[tuple[int | None, Row]]()
    first, rank = None, 1
    for place, row in enumerate(sorted(rows, key=key), 1):
        if first is None or measure.beats(first, row):
            first, rank = row, place
        ranks.append((rank if reliable and not row.warning else None, row))
    return ranks


def page(rows: list[Row]) -> str:
    """Write a table for each data set: one file, with nothing to load."""
    names = Counter(row.entry.about.get("data", "") for row in rows)
    groups = {
        name: [row for row in rows if row.entry.about.get("data") == name]
        for name in sorted(names, key=lambda name: (-names[name], name))
    }
    links = "".join(
        f'<a href="#{slug(name)}" target="_self">{escape(short(name))} '
        f"<span>{len(group)}</span></a>"
        for name, group in groups.items()
    )
    tables = "\n".join(section(name, group) for name, group in groups.items())
    text = SHELL.read_text(encoding="utf-8")
    return text.replace("{links}", links).replace("{tables}", tables)


def short(data: str) -> str:
    """Shorten a data set's name to that of what is searched."""
    return data.rpartition("; ")[2]


def slug(data: str) -> str:
    """Give a data set's address within the page."""
    return re.sub(r"\W+", "-", short(data).lower())


def section(data: str, rows: list[Row]) -> str:
    """Write the table of a data set: ranked by what tells its entries apart."""
    comparable = [row for row in rows if not row.warning]
    measure = measure_of(comparable or rows)
    pairs, every = measure.pairs(comparable), math.comb(len(comparable), 2)
    tau = measure.reliability(comparable)
    said = (
        f"Between two parts of the seeds, Kendall's tau is {tau:.2f}. It tells {pairs:,} of "
        f"{every:,} pairs apart."
        if tau >= RELIABLE
        else "Not ranked: fewer than four entries."
        if len(comparable) < 4
        else f"Not ranked: tau {tau:.2f} between two parts of the seeds, below {RELIABLE}."
    )
    names = ("rank", "network", measure.name, "classified correctly")
    heads = "".join(f"<th scope=col>{name}</th>" for name in names)
    bodies = "\n".join(body(rank, row, measure) for rank, row in ranked(rows, measure))
    return (
        f'<section id="{slug(data)}"><h2>{escape(short(data))}</h2>\n'
        f"<p><b>{measure.name.capitalize()}</b>: the {'median' if measure.more else 'mean'} "
        "over seeds, with the lowest and the highest. "
        f"{'More' if measure.more else 'Fewer'} is better. {said}"
        f"{caveats(comparable, measure)}</p>\n"
        f"<table><thead><tr>{heads}</tr></thead>\n"
        f"{bodies}</table></section>"
    )


def caveats(rows: list[Row], measure: Measure) -> str:
    """Say how networks' own thresholds order a data set, and how many images have no hashes."""
    if len(rows) < 4:
        return ""
    said, every = "", len(rows)
    own = [min(row.fooled, 2 * row.budget) for row in rows]
    spans = [(row, span) for row in rows if (span := measure.read(row))]
    if measure.more and len({*own}) > 1 and len(spans) == every and not np.isnan(own).any():
        tau = kendalltau(own, [min(span.middle, 2 * row.budget) for row, span in spans]).statistic
        least = min(own)
        said = (
            " By images until half of the classes pass the network's own threshold, "
            f"{own.count(least)} of {every} entries are at the fewest, {least:,.0f}; "
            f"Kendall's tau of the two orders is {tau:.2f}."
        )
    if unknown := sum(row.entry.card.known is None for row in rows):
        said += f" In-distribution images of {unknown} of {every} entries have no recorded hashes."
    return said


def spread(row: Row) -> str:
    """Write the range of the number over seeds, and what it is then, where that says more."""
    ends = [share(end(row.numbers)) for end in (min, max)] if row.numbers else []
    parts = [" to ".join(ends)] * (len({*ends}) == 2)
    if row.later is not None and min(row.numbers) < row.later:
        parts.append(f"{share(row.later)} after {row.budget:,} images")
    return "; ".join(parts)


def body(rank: int | None, row: Row, measure: Measure) -> str:
    """Write an entry as two rows: its rank and figure, and what opens below."""
    about = row.entry.about
    warned = f'<span class="tag never">{escape(row.warning)}</span>' if row.warning else ""
    pictures = "".join(
        f'<img alt="{escape(said)}" title="{escape(said)}" src="data:image/png;base64,{png}">'
        for said, png in pictured(row)
    )
    right = "-" if row.right is None else share(row.right, 1)
    words = " ".join(map(str, [row.name, row.network, row.guard, *about.values()])).lower()
    return (
        f'<tbody data-text="{escape(words)}" data-kind={row.kind}><tr><td>{rank or "-"}</td>'
        f"<th scope=row><div class=entry><div>{escape(row.network)}"
        f"<span class=tag>{escape(row.guard)}</span>{warned}</div>"
        f"<div class=strip>{pictures}</div></div></th>{figure(row, measure)}<td>{right}</td></tr>\n"
        f"<tr><td></td><td colspan=3><details><summary>Figures, source and command</summary>"
        f"{details(row)}</details></td></tr></tbody>"
    )


def pictured(row: Row) -> list[tuple[str, str]]:
    """Give an entry's images as PNGs, with the class and its confidence."""
    return [
        (f"{each.name}: {percent(1 / (1 + math.exp(-each.log_odds)))}", each.png)
        for each in row.entry.images
        if each.png and each.log_odds is not None
    ]


def count(images: float, budget: int) -> str:
    """Write a number of images."""
    if math.isnan(images):
        return "-"
    return f"> {budget:,}" if images > budget else f"{images:,.0f}"


def figure(row: Row, measure: Measure) -> str:
    """Write the figure that ranks an entry, its range over seeds, and draw both."""
    span = measure.read(row)
    if span is None:
        return "<td>-</td>"
    low, middle, high = (place(end, row.budget) if measure.more else 180 * end for end in span)
    write = partial(count, budget=row.budget) if measure.more else share
    never = " class=never" * math.isinf(span.middle)
    least, most = write(span.low), write(span.high)
    ends = f"{least} to {most}" if least != most else "with each seed"
    return (
        f"<td><b>{write(span.middle)}</b><span class=range>{ends}"
        '</span><svg viewBox="0 0 192 14" aria-hidden=true><path d="M6 7h180" />'
        f'<path class=span d="M{6 + low:.1f} 7H{6 + high:.1f}" />'
        f'<circle cx="{6 + middle:.1f}" cy=7 r=5{never} /></svg></td>'
    )


def place(images: float, budget: int) -> float:
    """Give the place of a number of images on the scale, from 0 to 180."""
    return 180 * math.log(min(images, 1.5 * budget) / FIRST) / math.log(LAST / FIRST)


def details(row: Row) -> str:
    """Write what opens below a row: images, source, command."""
    entry, about, card = row.entry, row.entry.about, row.entry.card
    detectors = card.defence.detectors if card.defence else []
    more = ""
    if entry.longer:
        median = percent(entry.longer.median.median)
        more = f", then on to {entry.longer.images:,} (median confidence {median})"
    caught = ", ".join(
        f"{each.name} {share(each.passing_95.value)}" for each in detectors if each.passing_95
    )
    changes = ", ".join(
        f"{each.what.removeprefix('evolved, ')} {percent(each.median)}"
        for each in card.acceptance.kinds
        if each.group == "changed"
    )
    source = about.get("source", "")
    facts = {
        **figures(row),
        "source": f'<a href="{escape(source)}">{escape(source)}</a>' if source else "",
        "licence": escape(about.get("licence", "")),
        "weights": " ".join(filter(None, [escape(about.get("weights", "")), entry.sha256 or ""])),
        "size": f"{int(about['parameters']):,} parameters" if "parameters" in about else "",
        "search": f"{card.images:,} images with each of seeds "
        f"{', '.join(map(str, card.seeds))}{more}; neatfool {card.neatfool}",
        "command": f"<code>{escape(entry.command)}</code>",
        "in-distribution": known_images(card),
        "after a change": f"median confidence {changes}" if changes else "",
        "would pass": f"not evolved against it: {caught}" if caught else "",
        "transfer": "; ".join(
            f"{share(each.top1.median)} are top-1 on {escape(Path(each.experiment or '').stem)}"
            for each in (card.transfer.networks if card.transfer else [])
        ),
        "entry": f'<a href="{row.name}.json">{row.name}.json</a>',
    }
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts.items() if text)
    return f"<dl>{listed}</dl>"


def figures(row: Row) -> dict[str, str]:
    """Give the figures that do not rank an entry."""

    def until(times: Iterable[float]) -> str:
        pairs = zip(SURE, times, strict=True)
        return ", ".join(f"{at}: {count(each, row.budget)}" for at, each in pairs)

    parts = {
        "median confidence": percent(row.median),
        "simple images accepted": "" if row.simple is None else share(row.simple),
        "survive changes": "" if row.survives is None else share(row.survives),
    }
    if row.number is not None:
        ends = f" ({spread(row)})" if spread(row) else ""
        half = count(row.fooled, row.budget)
        parts = {FOOLED.name: f"{share(row.number)}{ends}; half after {half} images", **parts}
    longest = row.entry.longer or row.entry.card
    return {
        "images until half are at": until(row.until),
        "images until all are at": until(images_of(each.all_by_seed) for each in longest.until),
        **parts,
    }


def known_images(card: ReportCard) -> str:
    """Say which in-distribution images an entry saw."""
    text, known = escape(card.acceptance.in_distribution or ""), card.known
    if not text:
        return "none: there is no number"
    if known is None:
        return f"{text}; measured before images' hashes were recorded"
    right = "" if known.right is None else f", {known.right:,} accepted and named rightly"
    return f'{text}{right}; <a href="{known.file_name}">their hashes</a>'


def passing(rows: list[Row]) -> str:
    """Write which share of each network's evolved images would pass each detector in front."""
    some = [row for row in rows if row.kind != "detector" and row.entry.card.defence]
    caught = {
        row.name: {each.name: each for each in row.entry.card.defence.detectors} for row in some
    }
    features = ("knn", "vim", "mahalanobis")
    heads = ["network", "of logits, lowest to highest", *(f"`{name}`" for name in features)]
    lines = [heads, ["---"] * len(heads)]
    for row in some:
        found = {name: each.passing_95.value for name, each in caught[row.name].items()}
        logits = [share(end(found[each] for each in {*found} - {*features})) for end in (min, max)]
        parts = [share(found[name]) if name in found else "-" for name in features]
        label = ", ".join(filter(None, [row.network, row.guard]))
        lines.append([label, " to ".join(dict.fromkeys(logits)), *parts])
    rows = (f"| {' | '.join(each)} |\n" for each in lines)
    return "".join(rows).replace(" %", "\N{NO-BREAK SPACE}%")


def in_markdown(what: str) -> str:
    """Write what a comment asks for: `passing`, say, or what `docs/gaming.py` printed."""
    if what == "gaming":
        return FOLDER.with_name("gaming.txt").read_text(encoding="utf-8")
    if what == "wild":
        return wild()
    writers = {"passing": passing, "ranking": ranking, "order": order, "predicting": predicting}
    return writers[what](read_rows())


def wild() -> str:
    """Show what was found of networks that people deploy, in the order of their table."""
    table = tomllib.loads(WILD.read_text("utf-8"))
    found = json.loads((FOLDER.parent / "wild.json").read_text("utf-8"))
    heads = ["network", "accepts from", "classes fooled", "half after", "confidence", "blanks"]
    lines = [heads, ["---"] * len(heads)]
    for entry in table["networks"]:
        if (facts := found.get(entry["name"])) is None:
            continue
        searches, limits = facts["searches"], entry["threshold"]
        if isinstance(limits, dict):
            limits = f"{min(limits.values())} to {max(limits.values())}"
        name = entry["package"].split(":", 1)[1].split("@1")[0].replace("==", " ")
        fooled = sorted(each["accepted"] for each in searches)
        half = median(each["half after"] or math.inf for each in searches)
        sure = [each["confidence"] for each in searches if each["confidence"]]
        nothing = {*entry.get("nothing", ())}
        lines.append(
            [
                f"{entry['title']}: {name}, {entry['licence']}",
                "top-1" if limits == "top" else str(limits),
                f"{' to '.join(map(str, sorted({fooled[0], fooled[-1]})))} of {facts['classes']}",
                "never" if half == math.inf else f"{half:,.0f} of {searches[0]['images']:,}",
                percent(median(sure)) if sure else "",
                str(sum(bool({*each} - nothing) for each in facts["blank"].values())),
            ]
        )
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    lost = "; ".join(f"{name} ({why})" for name, why in table["left_out"].items())
    later = ", ".join(each["name"] for each in table["networks"] if each["name"] not in found)
    lost += f". In the table of networks, but not searched yet: {later}" if later else ""
    return (
        f"{rows}\n\nThree searches each. *Half after*: images until half of the classes were "
        "accepted; who decides by top-1 takes every image for some class. *Confidence*: the median "
        "over the accepted classes. *Blanks*: of four images, black, grey, white and noise, those "
        f"that a class accepts. Left out: {lost}."
    )


def by_data(rows: list[Row]) -> dict[str, list[Row]]:
    """Give the entries by data set, where there are at least four to be ranked."""
    names = sorted({row.entry.about.get("data", "") for row in rows})
    groups = {name: [row for row in rows if row.entry.about.get("data") == name] for name in names}
    return {name: group for name, group in groups.items() if len(group) >= 4}


def without_detector(rows: list[Row]) -> list[Row]:
    """Give the entries without a detector in front."""
    return [row for row in rows if row.kind != "detector"]


def ranking(rows: list[Row]) -> str:
    """Say how alike two parts of the seeds rank the entries: Kendall's tau over all splits."""
    asked = [MEASURES[2], MEASURES[1], MEASURES[0], MEASURES[3]]
    heads = [*(f"half at {each}" for each in SURE), f"all at {SURE[2]}"]
    lines = [["entries of", "number", *heads, "ranked by"], ["---"] * 7]
    for name, whole in by_data(rows).items():
        for what, group in ((name, whole), (f"{name}, no detector", without_detector(whole))):
            if len(group) < 4 or (what != name and group == whole):
                continue
            taus = [each.tau(group) for each in asked]
            cells = [f"{np.mean(tau):.2f} ({min(tau):.2f})" if tau else "-" for tau in taus]
            best = measure_of(group)
            tau = best.reliability(group)
            chosen = best.name.removeprefix("images until ").replace(" of the classes are", "")
            said = chosen if tau >= RELIABLE else f"not ranked: tau {tau:.2f}"
            lines.append([what, str(len(group)), *cells, said])
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def order(rows: list[Row]) -> str:
    """Say, of networks without a detector, which took longer than others, whatever the seed."""
    heads = ["data set", "network", "until half at 99 %", "took longer, with each seed, than"]
    lines = [heads, ["---"] * 4]
    for name, group in by_data(rows).items():
        for row in without_detector(group) if len(without_detector(group)) >= 4 else ():
            label = ", ".join(filter(None, [row.network, row.guard]))
            beaten = [other for other in without_detector(group) if MEASURES[0].beats(row, other)]
            names = [", ".join(filter(None, [each.network, each.guard])) for each in beaten]
            if names:
                lines.append([name, label, count(row.until[2], 12_000), "; ".join(names)])
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def sureness(row: Row) -> float | None:
    """Give the median confidence of in-distribution images."""
    kinds = row.entry.card.acceptance.kinds
    return next((each.median for each in kinds if each.group == "in-distribution"), None)


def predicting(rows: list[Row]) -> str:
    """Say what goes with the images until 99 %, over networks without a detector: rho."""
    plain = [row for row in rows if row.kind != "detector" and len(row.entry.card.seeds) == 5]
    plain = [row for row in plain if row.entry.card.classifier.classes == 10]
    resist = {
        row.name: np.mean([math.log(e or 24_000) for e in row.entry.card.until[2].by_seed])
        for row in plain
    }
    measures: dict[str, Any] = {
        "in-distribution images named right": lambda row: row.right,
        "parameters": lambda row: float(row.entry.about.get("parameters", "nan")),
        "median confidence in distribution": sureness,
        "simple images accepted": lambda row: row.simple,
    }
    lines = []
    for what, read in measures.items():
        for data in ("", "MNIST", "CIFAR-10"):
            pairs = [
                (value, resist[row.name])
                for row in plain
                for value in [read(row)]
                if value is not None and row.entry.about.get("data", "").startswith(data)
            ]
            pairs = [pair for pair in pairs if not math.isnan(pair[0])]
            if len(pairs) >= 4:
                found = spearmanr(*zip(*pairs, strict=True))
                p = f"{found.pvalue:.2g}"
                lines.append([what, data or "all", str(len(pairs)), f"{found.statistic:+.2f}", p])
    heads = ["what", "networks", "n", "Spearman's rho", "p"]
    return "".join(f"| {' | '.join(each)} |\n" for each in [heads, ["---"] * 5, *lines])


def picture(rows: list[Row]) -> bytes:
    """Draw the networks without a detector: an image of each class, and what they cost."""
    from matplotlib.figure import Figure
    from PIL import Image

    rows = [row for row in rows if row.kind != "detector" and any(e.png for e in row.entry.images)]
    figure = Figure(figsize=(11, 0.5 * len(rows) + 1), dpi=110)
    low, tall = 0.5 / figure.get_figheight(), 0.5 / figure.get_figheight()
    axes = figure.add_axes((0.56, low, 0.42, tall * len(rows)))
    marks = [("#7fb2e5", "o"), ("#2f6fb3", "o"), ("#0b2e55", "o"), ("#b85218", "D")]
    for line, row in enumerate(rows):
        axes.axhline(line, color="#e2e2e6", zorder=0)
        for (colour, mark), images in zip(marks, (*row.until, row.every), strict=True):
            face = "white" if math.isinf(images) else colour
            x = min(images, 1.35 * row.budget)
            axes.scatter(x, line, 55, face, marker=mark, edgecolor=colour, linewidth=1.5, zorder=2)
        bottom = low + tall * (len(rows) - 1 - line)
        label = "\n".join(filter(None, [row.network, row.guard]))
        figure.text(0.205, bottom + tall / 2, label, ha="right", va="center", fontsize=8.5)
        for column, each in enumerate([e for e in row.entry.images if e.png]):
            frame = figure.add_axes(
                (0.215 + 0.033 * column, bottom + 0.06 * tall, 0.031, 0.88 * tall)
            )
            frame.imshow(Image.open(BytesIO(b64decode(each.png or ""))).convert("RGB"))
            frame.set_axis_off()
    axes.set(xscale="log", xlim=(150, 180_000), ylim=(len(rows) - 0.5, -0.5), yticks=[])
    ticks = [200, 500, 1000, 3000, 12_000, 40_000, 100_000]
    axes.set_xticks(ticks, [f"{each:,}" for each in ticks])
    axes.minorticks_off()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("images tried (median of five seeds)", fontsize=8.5)
    keys = [*(f"half of the classes at {each}" for each in SURE), "all at 99 % (hollow: not found)"]
    for number, ((colour, mark), text) in enumerate(zip(marks, keys, strict=True)):
        x, y = 0.03 + 0.245 * number, 1 - 0.22 / figure.get_figheight()
        key = figure.add_axes((x, y - 0.01, 0.02, 0.02))
        key.scatter(0, 0, 55, colour, marker=mark)
        key.set_axis_off()
        figure.text(x + 0.022, y, text, va="center", fontsize=9)
    figure.savefig(made := BytesIO(), format="png")
    with Image.open(made) as whole:
        whole.convert("RGB").save(small := BytesIO(), "webp", quality=90)
    return small.getvalue()


def setup(app: Sphinx) -> None:
    """Fill the page when Sphinx reads it, and add the table to the site."""

    def fill(app: Sphinx, name: str, source: list[str]) -> None:
        source[0] = re.sub(
            "<!-- foolbench (.*) -->", lambda found: in_markdown(found[1]), source[0]
        )

    def add(app: Sphinx, error: Exception | None) -> None:
        if error is None and app.builder.format == "html":
            folder = Path(app.outdir) / "foolbench"
            (folder / "index.html").write_text(page(read_rows()), encoding="utf-8")
            schema = json.dumps(Entry.model_json_schema(mode="serialization"), indent=1)
            (folder / "entry.schema.json").write_text(schema, encoding="utf-8")

    app.connect("source-read", fill)
    app.connect("build-finished", add)


if __name__ == "__main__":
    PICTURE.write_bytes(picture(read_rows()))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(read_rows()), encoding="utf-8")
