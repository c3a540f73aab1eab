"""The command ``neatfool audit``: a classifier's report card.

The module :mod:`.searching` runs the search, with several seeds.
What the runs found is measured by :func:`neatfool.analysis.audit`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
from click.core import ParameterSource as Source

from neatfool import hookimpl
from neatfool.present import FileToWrite, FiniteRange, measure_command

from .exports import EXPORTS, write_exports

if TYPE_CHECKING:
    from neatfool.present import Finding, Output

    from .searching import Search

    Made = TypeVar("Made", bound=Callable[..., object])

A_PATH: Final = click.Path(path_type=Path)
CARD: Final = "card.json"
REPEATED: Final = "images seeds experiments sample in_distribution match_confidence overrides"
"""The options that change what an entry says."""
STANDARD_BUDGET: Final = 12_000
"""Images with each seed: some minutes for ImageNet's networks, on two cores."""


def _show_schema(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from neatfool.analysis import Card

        dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        schema = dialect | Card.model_json_schema(mode="serialization")
        click.echo(json.dumps(schema, indent=1))
        ctx.exit()


def _export_options(function: Made) -> Made:
    """Add an option for each other form of a card."""
    for name, (_, text) in reversed([*EXPORTS.items()]):
        function = click.option(f"--{name}", type=FileToWrite(), metavar="FILE", help=text)(
            function
        )
    return function


@measure_command(
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
@click.option(
    "--images",
    type=click.IntRange(min=1),
    default=STANDARD_BUDGET,
    show_default=True,
    metavar="N",
    help="The budget: how many images to try with each seed.",
)
@click.option(
    "--seeds",
    metavar="LIST",
    default="1-3",
    show_default=True,
    help="Search once with each of these seeds, for example 1-5 or 1,3,7-9.",
)
@click.option(
    "--to",
    "experiments",
    metavar="EXPERIMENT...",
    multiple=True,
    type=A_PATH,
    help="Files of experiments whose networks see the images, too. Name one or several.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many images of each run to change, to show to others and to detectors.",
)
@click.option(
    "--in-distribution",
    type=click.Path(path_type=Path, exists=True),
    metavar="FOLDER|CSV",
    help="Images of what the classifier is for: a folder, perhaps with a folder for each class, or "
    "a CSV file with the columns file and label. They set thresholds.  [default: the target's own]",
)
@click.option(
    "--operating-point",
    type=FiniteRange(0, 1),
    metavar="P",
    help="The confidence from which you believe the classifier: 0.8, say.  [default: [target] "
    "threshold]",
)
@click.option(
    "--match-confidence",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Search at the temperature at which the median confidence of in-distribution images is P, "
    "0.9 say, to compare networks that are calibrated otherwise.  [default: the network as it is]",
)
@click.option(
    "--max-accepted",
    type=FiniteRange(0, 1, max_open=True),
    metavar="P",
    help="Exit with code 9 if more of any kind of images of nothing is accepted at your threshold, "
    "or else at the one that 95 % of in-distribution images pass. The recommended threshold keeps "
    "it, too.  [default: no check; 0.01 for the recommended threshold]",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="BASELINE.json",
    help="The card of an earlier version, to say what became better or worse, by class.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Override a key of the experiment; repeat it for more keys.",
)
@click.option(
    "--out",
    type=A_PATH,
    metavar="DIR",
    help="Where the runs and `card.json` go.  [default: runs/audit-NAME, or "
    "runs/audit-NAME-at-P with --match-confidence P]",
)
@click.option(
    "--jobs", metavar="N|auto", default="1", show_default=True, help="How many runs side by side."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Draw and score in N processes of their own, as in `neatfool run`.",
)
@click.option("--overwrite", is_flag=True, help="Delete runs in the folder, and start anew.")
@click.option(
    "--fail-if-median-above",
    "limit",
    type=FiniteRange(0, 1),
    metavar="P",
    help="Exit with code 9 if the median confidence at the end is above this: 0.5, say.",
)
@_export_options
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON schema of --json, and do nothing else.",
)
@click.option(
    "--entry",
    type=FileToWrite(),
    metavar="FILE",
    help="Write an entry of FoolBench: the card, the section [about], and images to verify.",
)
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    *,
    runs: Path,
    images: int,
    seeds: str,
    experiments: tuple[Path, ...],
    sample: int,
    in_distribution: Path | None,
    operating_point: float | None,
    match_confidence: float | None,
    max_accepted: float | None,
    against: Path | None,
    overrides: tuple[str, ...],
    out: Path | None,
    jobs: str,
    workers: int | None,
    overwrite: bool,
    max_queries: int | None,
    limit: float | None,
    entry: Path | None,
    console: Output,
    **files: Path | None,
) -> Finding:
    """Say what the classifier of EXPERIMENT accepts that is nothing, and which threshold to take.

    The search of EXPERIMENT runs with each seed until the budget is used up. You see how many
    evolved images, noise, blanks and textures are accepted at your threshold, how many
    in-distribution images, and which threshold is recommended. Then one number, to compare
    networks; OOD detectors in place of the confidence; how soon classes were fooled, and which;
    and which other networks are fooled, too.

    EXPERIMENT needs only the section [target]. Then the best search that is known is used.
    """
    from neatfool import analysis, parse_seeds
    from neatfool.ood import count_in_distribution
    from neatfool.present import save

    from . import searching

    known = count_in_distribution(in_distribution) if in_distribution else 0
    if against is not None:
        analysis.read_card(against)
    if workers is not None:
        overrides += (f"engine.workers={workers}",)
    with console.status("loading the target"):
        if match_confidence is not None:
            matched = searching.at_matched_confidence(
                runs, overrides, match_confidence, in_distribution
            )
            overrides += (matched,)
        search = searching.plan(
            runs,
            overrides,
            images,
            parse_seeds(seeds),
            out,
            matched=match_confidence,
            known=in_distribution,
        )
    if max_accepted is not None:
        own = search.experiment.calls.threshold if operating_point is None else operating_point
        analysis.check_threshold_known(own, known or search.photographs)
    left = images * len(search.seeds) if overwrite else search.left()
    evolved = len(search.seeds) * min(sample, search.classes or sample)
    later = analysis.count_queries(evolved, sample, transfer=bool(experiments), known=known)
    most = _allow(search, left, later, max_queries, console)
    if left:
        _tell_time(ctx, search, left, console)
        searching.run_all(ctx, search, jobs=jobs, overwrite=overwrite, most=most)
    with ExitStack() as ending:
        opened = [ending.enter_context(closing(run)) for run in search.runs().values()]
        searching.refuse_longer(opened, images)
        card = analysis.audit(
            opened,
            to=experiments,
            in_distribution=in_distribution,
            sample=sample,
            operating_point=operating_point,
            max_accepted=max_accepted,
            limit=limit,
            against=against,
            max_queries=max_queries,
            chosen=search.chosen,
            keep=search.folder,
            console=console,
        )
    saved = save(search.folder / CARD, f"{card.json()}\n".encode())
    click.echo(f"The card is in {saved}", err=True)
    for file in write_exports(card, runs, files):
        click.echo(f"The card is in {file}, too", err=True)
    if entry is not None:
        from .entry import make_entry

        made = make_entry(card, search.experiment, _command(ctx))
        save(entry, f"{made.model_dump_json()}\n".encode())
    for check in card.checks:
        click.echo(str(check), err=True)
    return card


def _command(ctx: click.Context) -> str:
    """Write the command that measures the same again."""
    words = ["neatfool", "audit", str(ctx.params["runs"])]
    for option in ctx.command.params:
        name, value = str(option.name), ctx.params.get(str(option.name))
        if name in REPEATED.split() and ctx.get_parameter_source(name) is Source.COMMANDLINE:
            for each in value if isinstance(value, tuple) else [value]:
                words += [option.opts[0], str(each)]
    return shlex.join(words)


def _allow(search: Search, left: int, later: int, most: int | None, console: Output) -> int | None:
    """Say what the audit costs; give how many queries each run may send, if they cost something.

    Raises:
        BudgetSpent: They cost something, and too few are allowed.
    """
    from neatfool import BudgetSpent

    if not search.costs:
        return None
    seeds, needed = len(search.seeds), left + later
    name = search.experiment.target.label
    if most is None or most < needed:
        allowed = "" if most is None else f", and {most:,} are allowed"
        raise BudgetSpent(
            f"{name}: the audit takes up to {needed:,} queries of a target that costs something to "
            f"ask{allowed}; nothing was asked. Allow them with --max-queries {needed}, or try "
            "fewer images (--images, --seeds, --sample)"
        )
    console.say(f"{name}: this takes up to {needed:,} queries")
    return search.images + (most - needed) // seeds


def _tell_time(ctx: click.Context, search: Search, left: int, console: Output) -> None:
    """Say about how long the search will take."""
    from . import searching

    text = f"{left:,} images are to be scored"
    if len(search.seeds) > 1:
        text += f", up to {search.images:,} with each seed"
    if not search.costs and (speed := searching.measure_speed(ctx, search)):
        minutes = left / speed / 60
        about = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} minutes"
        text += f": {about}, at {speed:,.0f} images a second"
    console.say(f"{text}. The runs go into {search.folder}")


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool audit``."""
    cli.add_command(audit)
