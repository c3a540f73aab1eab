"""``neatfool ancestry``: tables that can be read without colour, files, and a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FileToWrite, Names, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Output, Run

    from .ancestry import Across, Ancestry
    from .kinds import Kinds

A_PATH: Final = click.Path(path_type=Path)
LISTED: Final = 12
"""The most flows that the terminal lists; the page has them all."""
MOST_STEPS: Final = 20
"""The most steps of a line of ancestors that the terminal lists."""
LINES: Final = 2
"""Without --classes, the lines of so many elites of each run are swept: the surest ones."""


@click.command(
    epilog="""\b
Examples:
  neatfool ancestry runs/imagenet-1 --html ancestry.html
  neatfool ancestry runs/imagenet_quick --pairs 0 --json
  neatfool ancestry runs/imagenet-1 --classes "zebra,school bus" --html lines.html
  neatfool ancestry runs/mnist --kinds digits.csv
  neatfool ancestry runs/mnist-1 --pairs 0 --graph phylogeny.graphml""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option(
    "--kinds",
    "table",
    type=A_PATH,
    metavar="FILE",
    help="Which classes are related: a CSV file; each line has a class, its kind, the kind's kind, "
    "and so on.  [default: WordNet's tree, for ImageNet's classes]",
)
@click.option(
    "--permutations",
    type=click.IntRange(min=19),
    default=999,
    show_default=True,
    metavar="N",
    help="Permutations of the classes in each test; the smallest possible p is 1 / (N + 1).",
)
@click.option(
    "--classes",
    type=Names(),
    default=(),
    help=f"Sweep weights along the lines of these classes' elites.  [default: the {LINES} surest]",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=0),
    default=12,
    show_default=True,
    metavar="N",
    help="Sweep N learned individuals and their parents, and N bred ones. 0: sweep nothing.",
)
@click.option(
    "--span",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    metavar="X",
    help="How far a weight is swept to either side, in root mean squares of its genome's weights.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Where permutations and samples come from.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write all flows from class to class.",
)
@click.option(
    "--graph",
    "graph_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write one run's phylogeny: .graphml, .json (networkx's node-link data) or .dot.",
)
@click.option(
    "--html", "html_file", type=FileToWrite(), metavar="FILE", help="Write a page with pictures."
)
@trust_option
def ancestry(
    *,
    paths: tuple[Path, ...],
    table: Path | None,
    permutations: int,
    classes: tuple[str, ...],
    pairs: int,
    span: float,
    seed: int,
    as_json: bool,
    csv_file: Path | None,
    graph_file: Path | None,
    html_file: Path | None,
) -> None:
    """Say who descends from whom in RUN, and what that tells of the network.

    You see between which classes elites' children moved (goal switches), whether related classes
    share ancestors and kinds of images more than chance would have it, and whether several runs
    find the same images. Weights are swept to see how fractured the networks behind the images
    are, along their lines of ancestors, before and after learning. The target is not asked.

    An interrupted command begins anew.
    """
    from neatfool import Output, choose_elites, open_runs
    from neatfool.present import export_graph, save

    from .files import to_csv, to_export, to_json
    from .page import write_ancestry

    waiting = Output(stderr=True)
    with open_runs(paths) as runs:
        if graph_file and len(runs) > 1:
            raise click.UsageError(
                f"--graph writes one run's phylogeny, and there are {len(runs)}."
            )
        for run in runs:
            choose_elites(run)  # refuses a run that has none
        told, across = _read(runs, table, permutations=permutations, seed=seed, console=waiting)
        if pairs:
            told = [
                _sweep(each, classes, pairs=pairs, span=span, seed=seed, console=waiting)
                for each in told
            ]
        if as_json:
            click.echo(json.dumps(to_json(told, across), indent=1))
        else:
            _show(told, across, Output())
        if csv_file:
            save(csv_file, to_csv(told).encode())
            click.echo(f"All flows are in {csv_file}", err=as_json)
        if graph_file:
            export_graph(to_export(told[0].lines.graph), graph_file)
            click.echo(f"The phylogeny is in {graph_file}", err=as_json)
        if html_file:
            with waiting.status("drawing"):
                write_ancestry(told, across, html_file)
            click.echo(f"Look at {html_file}", err=as_json)


def _read(
    runs: Sequence[Run], table: Path | None, *, permutations: int, seed: int, console: Output
) -> tuple[list[Ancestry], Across | None]:
    """Read and test the lineages, and compare the runs."""
    from .ancestry import compare_runs, read_ancestry
    from .kinds import table_kinds, wordnet_kinds
    from .likeness import SPACES

    kinds: list[Kinds | None] = [
        table_kinds(table, run.classes) if table else wordnet_kinds(run.classes) for run in runs
    ]
    tested = permutations * sum(each is not None for each in kinds)
    between = permutations * len(SPACES) * (len(runs) > 1)
    steps = sum(len(run) for run in runs) + tested + between
    with console.progress(steps, "images and permutations") as note:
        told = [
            read_ancestry(run, kind, permutations=permutations, seed=seed, note=note)
            for run, kind in zip(runs, kinds, strict=True)
        ]
        return told, compare_runs(told, permutations=permutations, seed=seed, note=note)


def _sweep(
    told: Ancestry,
    classes: tuple[str, ...],
    *,
    pairs: int,
    span: float,
    seed: int,
    console: Output,
) -> Ancestry:
    """Sweep lines of ancestors and pairs of a run."""
    from neatfool import choose_elites

    from .sweeping import LONGEST, plan_pairs, sweep_run

    run, graph = told.run, told.lines.graph
    elites = choose_elites(run, classes=classes)
    if not classes:
        elites = sorted(elites, key=lambda elite: -elite.rank)[:LINES]
    drawn = plan_pairs(run.phylogeny(elites=True), pairs, seed)
    lines = sum(min(LONGEST, len(run.lineage(elite.index))) for elite in elites)
    steps = lines + 2 * sum(map(len, drawn.values()))
    with console.progress(steps, "individuals swept") as note:
        swept = sweep_run(
            run,
            graph,
            elites,
            drawn,
            span=span,
            seed=seed,
            note=lambda: note(f"{run.path.name}: sweeps", 1),
        )
    return replace(told, sweeping=swept)


def _show(told: Sequence[Ancestry], across: Across | None, console: Output) -> None:
    from . import wording

    tests = ("", "p", "found", "by chance", "deviations")
    for each in told:
        for text in wording.headlines(each):
            console.say(f"{wording.name_of(each)}: {text}" if len(told) > 1 else text, "bold")
    if across is not None:
        console.say(wording.across_headline(across), "bold")
    for text in wording.limits(told, across):
        console.say(f"Note: {text}")
    for each in told:
        console.say(wording.subject(each), "bold")
        console.table(("lineage", ""), wording.facts(each))
        if rows := wording.largest(each.flows, LISTED):
            console.say("The largest flows of goal switches")
            console.table(("from", "to", "switches", "times chance"), rows, words=(0, 1))
        if each.findings:
            rows_of_tests = [
                [question, *_p_first(wording.test_row(name, each.findings[name]))]
                for name, question in wording.QUESTIONS.items()
                if name in each.findings
            ]
            console.say("More than chance?")
            console.table(tests, rows_of_tests)
        if each.sweeping is not None:
            for line in each.sweeping.lines:
                what = f"Weights swept along the line of {line.elite.name}, {line.steps} steps"
                console.say(what)
                rows_of_line, heads = wording.line_rows(line), wording.LINE_HEADS
                console.table(heads, rows_of_line, words=(2,), most=MOST_STEPS)
            if pairs := wording.pair_rows(each.sweeping.pairs):
                console.say("What becomes of fracture from parent to child")
                console.table(wording.PAIR_HEADS, pairs, words=(0, 1))
    if across is not None:
        console.say(f"Between {len(told)} runs, {len(across.classes):,} classes", "bold")
        rows_between = [[question, *_p_first(row)] for question, row in wording.across_rows(across)]
        console.table(tests, rows_between)
    for text in wording.notes(told):
        console.say(f"Note: {text}")


def _p_first(row: Sequence[str]) -> list[str]:
    """Take a test's p before its other figures; what was measured is left out."""
    return [row[-1], *row[1:-1]]
