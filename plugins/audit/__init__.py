"""The command ``neatfool audit``: a search with several seeds, measured: a report card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource as Source

from neatfool import hookimpl
from neatfool.present import FileToWrite, FiniteRange, finding_command, option, overrides_option

if TYPE_CHECKING:
    from neatfool.present import Finding, Output

    from .card import Card
    from .searching import Search

FILE: Final = FileToWrite()
REPEATED: Final = "images longer seeds to sample in_distribution match_confidence overrides"
"""The options that change what an entry says."""
STANDARD_BUDGET: Final = 12_000
"""Images with each seed: some minutes for ImageNet's networks, on two cores."""


def _show_schema(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from .card import Card

        dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        schema = dialect | Card.model_json_schema(mode="serialization")
        click.echo(json.dumps(schema, indent=1))
        ctx.exit()


@finding_command(
    """
    neatfool audit experiments/mnist.ini
    neatfool audit my_model.ini --html card.html            # [target] suffices
    neatfool audit my_model.ini --in-distribution photographs --operating-point 0.8
    neatfool audit my_model.ini --in-distribution photographs --max-accepted 0.01 --json > card.json
    neatfool audit new_model.ini --in-distribution photographs --against card.json
    neatfool audit experiments/api.ini --images 500 --max-queries 2500

    Give the same command again after an interruption: it goes on where it was.
    """,
    runs="EXPERIMENT",
    elites=False,
    csv="Write how many images of each kind are accepted at each threshold.",
    html="Write the card as a page.",
)
@option("--images N", "The budget: how many images to try with each seed.", None, STANDARD_BUDGET)
@option(
    "--longer N",
    "Search on until N images with each seed, too, say what then passes the recommended threshold, "
    "and, with --entry, what that adds.",
)
@option("--seeds LIST", "Search once with each of these seeds: 1-5, say, or 1,3,7-9.", str, "1-3")
@option(
    "--to EXPERIMENT",
    "A file of an experiment whose network sees the images, too; repeat it for more.",
    multiple=True,
)
@option("--sample N", "How many images of each run to change, and to show to others.", None, 100)
@option(
    "--in-distribution FOLDER|CSV",
    "Images of what the classifier is for: a folder, perhaps with a folder for each class, or "
    "a CSV file with the columns file and label. They set thresholds.  [default: the target's own]",
    exists=True,
)
@option(
    "--operating-point P",
    "The confidence from which you believe the classifier: 0.8, say.  [default: [target] "
    "threshold]",
    FiniteRange(0, 1),
)
@option(
    "--match-confidence P",
    "Search at the temperature at which the median confidence of in-distribution images is P, "
    "0.9 say, to compare networks that are calibrated otherwise.  [default: the network as it is]",
    FiniteRange(0, 1, min_open=True, max_open=True),
)
@option(
    "--max-accepted P",
    "Exit with code 9 if more of any kind of images of nothing is accepted at your threshold, "
    "or else at the one that 95 % of in-distribution images pass. The recommended threshold is "
    "fitted to it.  [default: no check; 0.01 for the recommended threshold]",
    FiniteRange(0, 1, max_open=True),
)
@option(
    "--against BASELINE.json",
    "The card of an earlier version, to say what became better or worse, by class.",
    exists=True,
    dir_okay=False,
)
@overrides_option
@option(
    "--out DIR",
    "Where the runs and `card.json` go.  [default: runs/audit-NAME, or runs/audit-NAME-at-P with "
    "--match-confidence P]",
)
@option("--jobs N|auto", "How many runs side by side.", str, "1")
@option("--workers N", "Draw and score in N processes of their own, as in `neatfool run`.")
@option("--overwrite", "Delete runs in the folder, and start anew.")
@option(
    "--fail-if-median-above P",
    "Exit with code 9 if the median confidence at the end is above this: 0.5, say.",
    FiniteRange(0, 1),
    into="limit",
)
@option("--sarif FILE", "Write SARIF 2.1.0 for code scanning: a result for each class.", FILE)
@option("--junit FILE", "Write JUnit XML: a test case for each kind of images, if checked.", FILE)
@option("--markdown FILE", "Append a summary in Markdown, to $GITHUB_STEP_SUMMARY, say.", FILE)
@option("--model-index FILE", "Write the model-index of a Hugging Face model card.", FILE)
@option("--ml-bom FILE", "Write a CycloneDX 1.6 ML-BOM with what was measured.", FILE)
@option(
    "--schema",
    "Print the JSON schema of --json, and do nothing else.",
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
)
@option(
    "--entry FILE",
    "Write an entry of FoolBench: the card, the section [about], and images to verify; and beside "
    "it the hashes of the in-distribution images.",
    FILE,
)
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    *,
    runs: Path,
    images: int,
    longer: int | None,
    seeds: str,
    in_distribution: Path | None,
    match_confidence: float | None,
    overrides: tuple[str, ...],
    out: Path | None,
    jobs: str,
    workers: int | None,
    overwrite: bool,
    max_queries: int | None,
    entry: Path | None,
    console: Output,
    **options: Any,
) -> Finding:
    """Say what the classifier of EXPERIMENT accepts that is nothing, and which threshold to take.

    The search of EXPERIMENT runs with each seed until the budget is used up. You see how many
    evolved images, noise, blanks and textures are accepted at your threshold, how many
    in-distribution images, and which threshold is recommended. Then one number, to compare
    networks; OOD detectors in place of the confidence; how soon classes were fooled, and which;
    and which other networks are fooled, too.

    EXPERIMENT needs only the section [target]. Then the best search that is known is used.
    """
    from neatfool import ood, parse_seeds, present

    from . import measure
    from .confidence import count_queries
    from .exports import FORMS, make_entry, read_about, read_accuracy, write_exports
    from .references import read_card
    from .searching import Search

    files = {form: options.pop(form) for form in FORMS}  # The measure takes what is left.
    known = ood.count_in_distribution(in_distribution) if in_distribution else 0
    if options["against"] is not None:
        read_card(options["against"])
    if longer is not None and longer <= images:
        raise click.UsageError(f"--longer {longer}: give more than --images, {images}.")
    if workers is not None:
        overrides += (f"engine.workers={workers}",)
    shared: dict[str, Any] = {"matched": match_confidence, "known": in_distribution}
    with console.status("loading the target"):
        search = Search(runs, overrides, images, parse_seeds(seeds), out, **shared)
        searches = [search, *([search.longer(longer)] if longer is not None else [])]
    about = None if entry is None else read_about(search.experiment)
    accuracy = read_accuracy(search.experiment.about)
    if options["max_accepted"] is not None:
        own = options["operating_point"]
        own = search.experiment.calls.threshold if own is None else own
        measure.check_threshold_known(own, known or search.photographs)
    left = [e.images * len(e.seeds) if overwrite else e.left() for e in searches]
    sample, transfer = options["sample"], bool(options["to"])
    evolved = len(search.seeds) * min(sample, search.classes or sample)
    later = count_queries(evolved, sample, transfer=transfer, known=known)
    spare = _allow(searches, sum(left) + later * len(searches), max_queries, console)
    with search.alone(), ExitStack() as ending:
        opened, cards = [], []
        for each, missing in zip(searches, left, strict=True):
            if missing:
                each.announce(missing, console)
            # Runs that are finished are kept; those of another search are refused.
            most = None if spare is None else each.images + spare
            each.run(ctx, jobs=jobs, overwrite=overwrite, most=most)
            opened.append([ending.enter_context(closing(run)) for run in each.runs().values()])
        judges = {"longer": opened[-1]} if longer is not None else {}
        for each, found in zip(searches, opened, strict=True):
            more = {**options, **judges} if each is search else {"sample": sample}
            cards.append(
                measure.audit(
                    found,
                    in_distribution=in_distribution,
                    accuracy=accuracy,
                    max_queries=max_queries,
                    chosen=each.chosen,
                    keep=each.folder,
                    console=console,
                    **more,
                )
            )
        card = cards[0]
        saved = present.save(search.folder / "card.json", f"{card.json()}\n".encode())
    click.echo(f"The card is in {saved}", err=True)
    for file in write_exports(card, runs, files):
        click.echo(f"The card is in {file}, too", err=True)
    if entry is not None and about is not None:
        made = make_entry(search.experiment, about, _command(ctx), *cards)
        _write_entry(entry, made.model_dump_json(), card)
    for check in card.checks:
        click.echo(str(check), err=True)
    return card


def _write_entry(entry: Path, text: str, card: Card) -> None:
    """Write an entry of FoolBench, and beside it the hashes of its in-distribution images."""
    from neatfool import present

    present.save(entry, f"{text}\n".encode())
    if card.known is not None:
        listed = present.save(entry.with_name(card.known.file_name), card.known.lines())
        click.echo(f"The hashes of the in-distribution images are in {listed}", err=True)


def _command(ctx: click.Context) -> str:
    """Write the command that measures the same again."""
    words = ["neatfool", "audit", str(ctx.params["runs"])]
    for each in ctx.command.params:
        name, value = str(each.name), ctx.params.get(str(each.name))
        if name in REPEATED.split() and ctx.get_parameter_source(name) is Source.COMMANDLINE:
            for part in value if isinstance(value, tuple) else [value]:
                words += [each.opts[0], str(part)]
    return shlex.join(words)


def _allow(
    searches: Sequence[Search], needed: int, most: int | None, console: Output
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
            "fewer images (--images, --seeds, --sample)"
        )
    console.say(f"{name}: this takes up to {needed:,} queries")
    return (most - needed) // (len(searches) * len(search.seeds))


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool audit``."""
    cli.add_command(audit)
