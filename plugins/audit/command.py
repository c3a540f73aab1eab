"""The command ``neatfool audit``: a search with several seeds, and its report card."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import click
from click.core import ParameterSource as Source

from neatfool.present import FOLDER, FileToWrite, FiniteRange

if TYPE_CHECKING:
    from neatfool import Experiment
    from neatfool.present import Finding, Output

    from .card import ReportCard
    from .search import AuditSearch

STANDARD_BUDGET: Final = 12_000
"""Images with each seed: some minutes for ImageNet's networks, on two cores."""
SAMPLE: Final = 100
"""So many images of each run are changed, and shown to others."""
REPEATED: Final = "images longer seeds to in_distribution overrides"
"""The options that change what an entry of FoolBench says."""


def audit(
    experiment: Annotated[Path, "EXPERIMENT"],
    *,
    images: int = STANDARD_BUDGET,
    longer: int | None = None,
    seeds: Annotated[str, "LIST"] = "1-3",
    to: Annotated[Sequence[Path], "EXPERIMENT"] = (),
    in_distribution: Annotated[Path | None, "FOLDER", FOLDER] = None,
    operating_point: Annotated[float | None, "P", FiniteRange(0, 1)] = None,
    max_accepted: Annotated[float | None, "P", FiniteRange(0, 1, max_open=True)] = None,
    overrides: Sequence[str] = (),
    out: Annotated[Path | None, "DIR"] = None,
    write: Annotated[Sequence[Path], "FILE", FileToWrite()] = (),
    max_queries: int | None = None,
    console: Output,
) -> Finding:
    """Find out which meaningless images a classifier accepts.

    The search of EXPERIMENT runs with each seed until the budget is used up. You see how many
    evolved images, noise, blanks and textures are accepted at your threshold, how many
    in-distribution images, and which threshold is recommended. Then one number, to compare
    networks; OOD detectors in place of the confidence; how soon classes were fooled, and which;
    and which other networks are fooled, too.

    EXPERIMENT needs only the section [target]. Then the best search that is known is used.

    Args:
        experiment: The experiment's file.
        images: The budget: how many images to try with each seed.
        longer: Search on until N images with each seed, too, say what then passes the recommended
            threshold, and, in an entry of FoolBench, what that adds.
        seeds: Search once with each of these seeds: 1-5, say, or 1,3,7-9.
        to: A file of an experiment whose network sees the images, too; repeat it for more.
        in_distribution: Images of what the classifier is for: a folder, perhaps with a folder for
            each class. They set thresholds.
            [default: the target's own]
        operating_point: The confidence from which you believe the classifier: 0.8, say.
            [default: [target] threshold]
        max_accepted: Exit with code 9 if more of any kind of meaningless images is accepted at your
            threshold, or else at the one that 95 % of in-distribution images pass. The recommended
            threshold is fitted to it.  [default: no check; 0.01 for the recommended threshold]
        overrides: Keys of the experiment to override, as ``SECTION.KEY=VALUE``.
        out: Where the runs and `card.json` go.  [default: runs/audit-NAME]
        write: Write the card, too, in the form that the file's name says. It ends with .html for a
            page, .csv for a table, .json, .md for a summary, .sarif for code scanning, .xml for
            JUnit, or entry.json for FoolBench. Repeat it for more.
        max_queries: The most images to send to a target that costs something to ask.
        console: Shows how far it is.

    Examples:
        neatfool audit experiments/mnist.ini
        neatfool audit my_model.ini --write card.html            # [target] suffices
        neatfool audit my_model.ini --in-distribution photographs --operating-point 0.8
        neatfool audit my_model.ini --in-distribution photographs --max-accepted 0.01 --json
        neatfool audit experiments/api.ini --images 500 --max-queries 3500

        Give the same command again after an interruption: it goes on where it was.
    """
    from neatfool import ood, parse_seeds, present
    from neatfool.files import lock_folder

    from . import measure
    from .confidence import count_queries
    from .exports import find_form, hash_weights, read_accuracy
    from .search import AuditSearch

    forms = {file: find_form(file) for file in write}
    known = ood.count_in_distribution(in_distribution) if in_distribution else 0
    if longer is not None and longer <= images:
        raise click.UsageError(f"--longer {longer}: give more than --images, {images}.")
    with console.status("loading the target"):
        search = AuditSearch(experiment, overrides, images, parse_seeds(seeds), out)
        searches = [search, *([search.longer(longer)] if longer is not None else [])]
    weights = hash_weights(search.experiment) if "entry" in forms.values() else None
    accuracy = read_accuracy(search.experiment.about)
    if max_accepted is not None:
        own = search.experiment.calls.threshold if operating_point is None else operating_point
        measure.check_threshold_known(own, known or search.photographs)
    left = sum(each.left() for each in searches)
    evolved = len(search.seeds) * min(SAMPLE, search.classes or SAMPLE)
    later = count_queries(evolved, SAMPLE, transfer=bool(to), known=known)
    spare = _allow(searches, left + later * len(searches), max_queries, console)
    options: dict[str, Any] = {
        "in_distribution": in_distribution,
        "accuracy": accuracy,
        "operating_point": operating_point,
        "max_accepted": max_accepted,
        "max_queries": max_queries,
        "console": console,
    }
    ctx = click.get_current_context()
    with lock_folder(search.folder):
        cards = [
            each.make_card(ctx, spare, to=to if each is search else (), **options)
            for each in searches
        ]
        if longer is not None:
            judged = cards[0].acceptance.judge_longer(cards[1].acceptance, longer)
            cards[0] = cards[0].model_copy(update={"acceptance": judged})
        saved = present.save(search.folder / "card.json", f"{cards[0].json()}\n".encode())
    click.echo(f"The card is in {saved}", err=True)
    _write(forms, search.experiment, weights, cards)
    for check in cards[0].checks:
        click.echo(str(check), err=True)
    return cards[0]


def _write(
    forms: Mapping[Path, str], experiment: Experiment, weights: str | None, cards: list[ReportCard]
) -> None:
    """Write a card in other forms, and beside an entry the hashes of in-distribution images."""
    from neatfool import present

    from .exports import export, make_entry

    ctx = click.get_current_context()
    for file, form in forms.items():
        if form == "entry":
            entry = make_entry(experiment, weights, _command(ctx), *cards)
            present.save(file, f"{entry.model_dump_json()}\n".encode())
            if (known := cards[0].known) is not None:
                listed = present.save(file.with_name(known.file_name), known.lines())
                click.echo(f"The hashes of the in-distribution images are in {listed}", err=True)
        else:
            present.save(file, export(cards[0], ctx.params["experiment"], form).encode())
        click.echo(f"The card is in {file}, too", err=True)


def _command(ctx: click.Context) -> str:
    """Write the command that measures the same again."""
    words = ["neatfool", "audit", str(ctx.params["experiment"])]
    for each in ctx.command.params:
        name, value = str(each.name), ctx.params.get(str(each.name))
        if name in REPEATED.split() and ctx.get_parameter_source(name) is Source.COMMANDLINE:
            for part in value if isinstance(value, tuple) else [value]:
                words += [each.opts[0], str(part)]
    return shlex.join(words)


def _allow(
    searches: Sequence[AuditSearch], needed: int, most: int | None, console: Output
) -> int | None:
    """Say what the audit costs; give the queries to spare in each run, if they cost something."""
    from neatfool import BudgetSpent

    search = searches[0]
    if not search.costs:
        return None
    name = search.experiment.target.label
    if most is None or most < needed:
        allowed = "" if most is None else f", and {most:,} are allowed"
        raise BudgetSpent(
            f"{name}: the audit takes up to {needed:,} queries of a target that costs something to "
            f"ask{allowed}; nothing was asked. Allow them with --max-queries {needed}, or try "
            "fewer images (--images, --seeds)"
        )
    console.say(f"{name}: this takes up to {needed:,} queries")
    return (most - needed) // (len(searches) * len(search.seeds))
