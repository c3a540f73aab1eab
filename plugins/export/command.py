"""``neatfool export``: chooses, makes, checks, writes, and says what came of it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool import Names, max_queries_option, trust_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool import Output

    from .choosing import Choice, Source
    from .manifest import Exported
    from .settings import Settings
    from .workplace import Made, Workplace

A_PATH: Final = click.Path(path_type=Path)
TOLD: Final = 5
"""So many images that were left out are named; --json names all."""


@click.command(
    epilog="""\b
Examples:
  neatfool export runs/mnist-1 digits
  neatfool export runs/imagenet fooling --least 0.9         # a folder of runs
  neatfool export runs/imagenet fooling --images 10000      # also former elites
  neatfool export runs/imagenet-1 all --least 0.99 --all-replaced
  neatfool export runs/imagenet-1 large --classes "school bus,volcano" --size 1024

Interrupted? The same command goes on where it was.""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.argument("folder", metavar="DIR", type=A_PATH)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Only images whose confidence is at least this.",
)
@click.option(
    "--classes",
    type=Names(),
    default=(),
    help='Only images of these classes, by name or index; a comma in a name: `"a, b",c`.',
)
@click.option(
    "--per-class",
    type=click.IntRange(min=1),
    metavar="N",
    help="N images of each class in all, also former elites, spread over the runs and their "
    "histories.  [default: the elites]",
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="N images in all, also former elites, as equally many of each class as can be.",
)
@click.option("--all-replaced", is_flag=True, help="All former elites with confidence P, too.")
@click.option(
    "--size",
    type=click.IntRange(min=1, max=4096),
    metavar="N",
    help="Draw them anew, so many pixels on the longer side, and leave out those of which the "
    "target is then less sure than P.  [default: the target's size]",
)
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Score each image again, and leave out what does not agree; the exit code is 7 if nothing "
    "does.  [default: verify]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=1e-4,
    show_default=True,
    metavar="P",
    help="How far a confidence may be from the recorded one.",
)
@max_queries_option
@trust_option
@click.option(
    "--licence",
    default="CC0-1.0",
    show_default=True,
    metavar="TEXT",
    help="The images' licence, for the data card and the manifest.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an earlier export in DIR; another folder is never replaced.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def export(
    *,
    paths: tuple[Path, ...],
    folder: Path,
    least: float,
    classes: tuple[str, ...],
    per_class: int | None,
    images: int | None,
    all_replaced: bool,
    size: int | None,
    verify: bool,
    tolerance: float,
    max_queries: int | None,
    licence: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Export the images of RUN as a data set in DIR: images, lists, a data card.

    These are the elites, unless you ask for more. DIR is written whole or not at all.
    """
    from neatfool import Output, open_runs

    from .choosing import choose, name_sources
    from .settings import Settings
    from .workplace import Workplace

    if (per_class is not None) + (images is not None) + all_replaced > 1:
        raise click.UsageError("--per-class, --images and --all-replaced: give one of them")
    settings = Settings(least, size, verify, tolerance, " ".join(licence.split()))
    waiting = Output(stderr=True)
    place = Workplace(folder, overwrite=overwrite)
    with ExitStack() as ending:
        runs = ending.enter_context(open_runs(paths, scored=verify))
        with waiting.status("reading the runs"):
            sources = name_sources(runs)
            choices = choose(
                sources,
                least=least,
                classes=classes,
                per_class=per_class,
                images=images,
                all_replaced=all_replaced,
            )
        if images is not None and len(choices) < images:
            waiting.print(
                f"There are only {len(choices):,} images with a confidence of {least:g} or more.",
                soft_wrap=True,
            )
        ending.enter_context(place.open())
        made = _make_all(choices, place, settings, max_queries, waiting)
        right = {choice: each for choice, each in made.items() if settings.accepts(each)}
        wrong = {choice: each for choice, each in made.items() if choice not in right}
        exported = _write(sources, right, len(wrong), place, settings)
        if as_json:
            click.echo(json.dumps(_summarise(exported, wrong, folder, settings), indent=1))
        else:
            _tell(exported, wrong, folder, settings, Output())


def _make_all(
    choices: Sequence[Choice],
    place: Workplace,
    settings: Settings,
    max_queries: int | None,
    console: Output,
) -> Mapping[Choice, Made]:
    from neatfool import VerificationError

    from .making import make

    try:
        with console.progress(len(choices)) as note:
            made = make(
                choices,
                place,
                settings=settings,
                max_queries=max_queries,
                note=note,
            )
    except KeyboardInterrupt:
        click.echo(f"The images so far are in {place.path}; the same command goes on.", err=True)
        raise
    if not any(map(settings.accepts, made.values())):
        place.discard()
        raise VerificationError(
            f"{place.folder}: was not written: none of {len(made):,} images scores "
            + (f"{settings.least:g} at that size" if settings.size else "what its run recorded")
            + "; has the target changed since? `neatfool verify RUN` says more"
        )
    return made


def _write(
    sources: Sequence[Source],
    right: Mapping[Choice, Made],
    left_out: int,
    place: Workplace,
    settings: Settings,
) -> list[Exported]:
    """Write the lists and the card, and put the folder in its place."""
    from .card import write_card, write_experiments
    from .manifest import Exported, write_lists, write_sums
    from .survival import read_survival

    survivals = {source.key: read_survival(source) for source in sources}
    exported = [
        Exported(
            choice,
            made,
            settings.licence,
            survivals[choice.source.key].get(choice.index) if choice.elite else None,
        )
        for choice, made in right.items()
    ]
    named, experiments = write_experiments(sources)
    files = write_lists(exported, sources[0].run.classes) | experiments
    files["README.md"] = write_card(
        exported, sources, settings=settings, left_out=left_out, experiments=named
    )
    hashes = {each.file: each.sha256 for each in right.values()}
    hashes |= {file: place.write(file, data) for file, data in files.items()}
    place.write("SHA256SUMS", write_sums(hashes))
    place.finish({*hashes, "SHA256SUMS"})
    return exported


def _summarise(
    exported: Sequence[Exported],
    wrong: Mapping[Choice, Made],
    folder: Path,
    settings: Settings,
) -> dict[str, Any]:
    confidences = [each.confidence for each in exported]
    return {
        "folder": str(folder),
        "images": len(exported),
        "distinct": len({each.made.sha256 for each in exported}),
        "elites": sum(each.choice.elite for each in exported),
        "classes": len({each.choice.index for each in exported}),
        "classes_of_target": len(exported[0].choice.source.run.classes),
        "runs": sorted({each.choice.source.key for each in exported}),
        "verified": settings.verify,
        "median": median(confidences),
        "min": min(confidences),
        "licence": settings.licence,
        "left_out": [
            {
                "run": choice.source.key,
                "class": choice.source.run.classes[choice.index],
                "genome": choice.candidate,
                "confidence": made.confidence,
                "measured": made.measured,
            }
            for choice, made in wrong.items()
        ],
    }


def _tell(
    exported: Sequence[Exported],
    wrong: Mapping[Choice, Made],
    folder: Path,
    settings: Settings,
    console: Output,
) -> None:
    from neatfool import percent

    summary = _summarise(exported, wrong, folder, settings)
    how = "each scored again" if settings.verify else "not scored again"
    middle = percent(summary["median"], median(each.made.rank for each in exported))
    console.say(
        f"{folder}: {summary['images']:,} images, {how}, of {summary['classes']:,} of "
        f"{summary['classes_of_target']:,} classes; median confidence {middle}, lowest "
        f"{percent(summary['min'])}"
    )
    if wrong:
        console.say(f"{len(wrong):,} left out, as they did not score what they should:")
    for each in summary["left_out"][:TOLD]:
        found = "no usable score" if each["measured"] is None else percent(each["measured"])
        recorded = percent(each["confidence"])
        console.say(f"  {each['class']}, {each['run']}: {found}, recorded {recorded}")
    if len(wrong) > TOLD:
        console.say("  and so on; --json lists them all")
    console.say(f"Read {folder / 'README.md'}")
