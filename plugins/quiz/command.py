"""The command ``neatfool quiz``, which writes a page that asks people what they see."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import click

from neatfool.present import FOLDER, FileToWrite, FiniteRange, make_command, trust_option
from neatfool.wording import counted

NONE_OR_MORE: Final = click.IntRange(min=0)


@trust_option
@make_command
def quiz(
    paths: Sequence[Path],
    *,
    out: Annotated[Path, "-o, --out FILE", FileToWrite()] = Path("quiz.html"),
    in_distribution: Annotated[Path | None, "FOLDER", FOLDER] = None,
    classes: Annotated[Sequence[str], "A,B"] = (),
    least: Annotated[float, "P", FiniteRange(0, 1)] = 0.5,
    sample: Annotated[int, "N"] = 16,
    photographs: Annotated[int, "N", NONE_OR_MORE] = 5,
    noise: Annotated[int, "N", NONE_OR_MORE] = 3,
    seed: int = 1,
) -> None:
    """Write a page that asks people what they see in images.

    It is a game of five minutes, one HTML file that opens from disk and needs no server. It shows
    evolved images, photographs and noise, one by one: what is it, and how sure are you? Five
    classes are offered, and "nothing at all". Players save their answers as a CSV file.

    Args:
        paths: The runs, or the folders that hold them.
        out: The page.
        in_distribution: Photographs to ask about: a folder, perhaps with a folder for each class,
            or with MNIST's files.  [default: the target's own]
        classes: Only elites of these classes, by name or index; a comma in a name: `"a, b",c`.
        least: Only elites of which the network is this sure.
        sample: So many evolved images in all, drawn at random.
        photographs: So many photographs. None, or labelled ones, need no network.
        noise: So many images of noise.
        seed: Where all that is drawn at random comes from.

    Examples:
        neatfool quiz runs/mnist-1
        neatfool quiz runs/imagenet-1 --in-distribution photographs --sample 30 -o class.html
        neatfool quiz runs/paper-1 runs/patterns-1 --least 0.9

        neatfool recognise reads the answers.
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
        shown = questions.ask_about_elites(
            runs, classes=classes, least=least, sample=sample, seed=seed
        )
        real = questions.find_photographs(runs[0], in_distribution, photographs, seed)
        if len(real) < photographs:
            there = counted(len(real), "photograph", "photographs")
            console.say(f"There are only {there}; give more with --in-distribution.")
        shown += [*real, *questions.ask_about_noise(runs[0], noise, seed)]
        shown = questions.offer_choices(shown, runs, seed)
        questions.write_page(shown, out)
    click.echo(f"Look at {out}")
