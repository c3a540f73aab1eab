"""The command ``neatfool quiz``, which writes a page that asks people what they see."""

from pathlib import Path
from typing import Any, Final

import click

from neatfool.present import FOLDER, FileToWrite, FiniteRange, Names, option, trust_option
from neatfool.wording import counted

NONE_OR_MORE: Final = click.IntRange(min=0)


@click.command(
    epilog="""\b
Examples:
  neatfool quiz runs/mnist-1
  neatfool quiz runs/imagenet-1 --in-distribution photographs --sample 30 -o class.html
  neatfool quiz runs/paper-1 runs/patterns-1 --least 0.9

neatfool recognise reads the answers."""
)
@click.argument(
    "paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@option("-o, --out FILE", "The page.", FileToWrite(), "quiz.html")
@option(
    "--in-distribution FOLDER",
    "Photographs to ask about: a folder, perhaps with a folder for each class, or with MNIST's "
    "files.  [default: the target's own]",
    FOLDER,
)
@option(
    "--classes A,B",
    'Only elites of these classes, by name or index; a comma in a name: `"a, b",c`.',
    Names(),
    (),
)
@option("--least P", "Only elites of which the network is this sure.", FiniteRange(0, 1), 0.5)
@option("--sample N", "So many evolved images in all, drawn at random.", None, 16)
@option(
    "--photographs N",
    "So many photographs. None, or labelled ones, need no network.",
    NONE_OR_MORE,
    5,
)
@option("--noise N", "So many images of noise.", NONE_OR_MORE, 3)
@option("--seed N", "Where all that is drawn at random comes from.", NONE_OR_MORE, 1)
@trust_option
def quiz(
    *,
    paths: tuple[Path, ...],
    out: Path,
    in_distribution: Path | None,
    photographs: int,
    noise: int,
    seed: int,
    **chosen: Any,
) -> None:
    """Write a page that asks people what they see in the images of RUN.

    It is a game of five minutes, one HTML file that opens from disk and needs no server. It shows
    evolved images, photographs and noise, one by one: what is it, and how sure are you? Five
    classes are offered, and "nothing at all". Players save their answers as a CSV file.
    """
    from neatfool import open_runs
    from neatfool.present import Output

    from . import questions

    console = Output(stderr=True)
    asks_network = photographs > 0 and in_distribution is None
    with (
        open_runs(paths, scored=asks_network, for_classifiers="neatfool quiz") as runs,
        console.status("choosing images"),
    ):
        shown = questions.ask_about_elites(runs, seed=seed, **chosen)
        real = questions.find_photographs(runs[0], in_distribution, photographs, seed)
        if len(real) < photographs:
            there = counted(len(real), "photograph", "photographs")
            console.say(f"There are only {there}; give more with --in-distribution.")
        shown += [*real, *questions.ask_about_noise(runs[0], noise, seed)]
        shown = questions.offer_choices(shown, runs, seed)
        questions.write_page(shown, out)
    click.echo(f"Look at {out}")
