"""Commands of measures: each shows what a function of :mod:`neatfool.analysis` finds in runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from neatfool import present


@present.measure_command(
    """
    neatfool ablate runs/mnist-1
    neatfool ablate runs/imagenet-1 --classes "school bus,starfish" --html parts.html
    neatfool ablate runs/imagenet-1 --least 0.5 --sample 200 --csv parts.csv
    neatfool ablate runs/imagenet-1 --sample 5 --tiles 14 --json
    neatfool ablate runs/mnist-1 --graphs graphs      # for networkx: GraphML and JSON
    """,
    runs="RUN",
)
@present.option(
    "--tiles N", "Divide an image into N x N tiles, and hide one at a time.  [default: 8]"
)
@present.option(
    "--target EXPERIMENT",
    "Score with the target of this experiment's file, and not with the run's own. It needs "
    "the same names of classes.",
)
@present.option(
    "--graphs DIR",
    "Write each elite's network with the importance of its parts as GraphML and JSON.",
    into="folder",
    file_okay=False,
)
def ablate(*, runs: Path, folder: Path | None, **options: Any) -> present.Finding:
    """Say which parts of RUN's images, and of their networks, carry the confidence.

    Parts are taken away, and what is left is scored again: copies of what an image repeats, tiles
    of the image, and the nodes and connections of the network that draws it. An elite takes 65
    images for its tiles, up to 33 for its copies, 21 for its network and one for each part of it.

    What is finished is kept in RUN/ablation.jsonl, so an interrupted command goes on when you give
    it again. Delete the file to begin anew.
    """
    from neatfool import analysis

    found = analysis.ablate(runs, **options)
    if folder:
        count = found.write_graphs(folder)
        click.echo(f"{count:,} networks with their importance are in {folder}", err=True)
    return found


GRAPHS: Final = (".graphml", ".json", ".dot", ".svg", ".png")
"""The suffixes of files that a phylogeny is written to."""


@present.measure_command(
    """
    neatfool ancestry runs/imagenet-1 --html ancestry.html
    neatfool ancestry runs/imagenet_quick --pairs 0 --json
    neatfool ancestry runs/imagenet-1 --classes "zebra,school bus" --html lines.html
    neatfool ancestry runs/mnist --kinds digits.csv
    neatfool ancestry runs/mnist-1 --pairs 0 --graph phylogeny.graphml
    """,
    elites=False,
    queries=False,
)
@present.option(
    "--kinds FILE",
    "Which classes are related: a CSV file; each line has a class, its kind, the kind's kind, "
    "and so on.  [default: WordNet's tree, for ImageNet's classes]",
)
@present.option(
    "--permutations N",
    "Permutations of the classes in each test; the smallest possible p is 1 / (N + 1).",
    click.IntRange(min=19),
    999,
)
@present.option(
    "--classes A,B",
    "Sweep weights along the lines of these classes' elites.  [default: the 2 surest]",
    present.Names(),
    (),
)
@present.option(
    "--pairs N",
    "Sweep N learned individuals and their parents, N bred ones, and N that switched to other "
    "classes. 0: sweep nothing.",
    click.IntRange(min=0),
    12,
)
@present.option(
    "--span X",
    "Sweep a weight to either side until the picture has changed by X on average, of a range of 1.",
    click.FloatRange(0, 1, min_open=True),
    0.02,
)
@present.option("--seed N", "Where permutations and samples come from.", click.IntRange(min=0), 1)
@present.option(
    "--graph FILE",
    "Write one run's phylogeny: .graphml, .json (networkx's node-link data), .dot, .svg or .png.",
    present.FileToWrite(),
    into="graph_file",
)
def ancestry(*, runs: tuple[Path, ...], graph_file: Path | None, **options: Any) -> present.Finding:
    """Say who descends from whom in RUN, and what that tells of the network.

    You see between which classes elites' children moved (goal switches), whether related classes
    share ancestors and kinds of images more than chance would have it, and whether several runs
    find the same images. Weights are swept to see how fractured the networks behind the images
    are, along their lines of ancestors, before and after learning. The target is not asked.

    An interrupted command begins anew.
    """
    from neatfool import analysis, find_runs

    # Refused now, and not after all the work.
    if graph_file and graph_file.suffix.lower() not in GRAPHS:
        raise click.UsageError(f"--graph {graph_file}: use one of {', '.join(GRAPHS)}.")
    if graph_file and (count := sum(len(find_runs(folder)) for folder in runs)) > 1:
        raise click.UsageError(f"--graph writes one run's phylogeny, and there are {count}.")
    found = analysis.ancestry(runs, **options)
    if graph_file:
        found.write_graph(graph_file)
        click.echo(f"The phylogeny is in {graph_file}", err=True)
    return found


def _numbers(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> list[int]:
    return [click.IntRange(min=1)(text, option, ctx) for text in texts]


@present.measure_command(
    """
    neatfool compare runs/mnist                         # a folder of replicates: one group
    neatfool compare runs/mnist runs/mnist_single_class --html compared.html
    neatfool compare runs/a-1 runs/a-2 runs/b-1 runs/b-2 --labels old,new
    neatfool compare runs/imagenet runs/imagenet_paper --at 25000,75000 --csv courses.csv
    neatfool compare runs/imagenet --json --at 25000,75000,200000 | jq .at
    """,
    elites=False,
    trust=False,
    queries=False,
)
@present.option("--labels A,B", "What to call the groups, in their order.", present.Names(), ())
@present.option(
    "--at N,N",
    "Numbers of images to compare at.  [default: half and all of what all groups came to]",
    present.Names(),
    (),
    callback=_numbers,
)
@present.option(
    "--classes-csv FILE",
    "Write each class's course, the heat map, as comma-separated values.",
    present.FileToWrite(),
)
def compare(*, classes_csv: Path | None, **options: Any) -> present.Finding:
    """Compare runs: medians over seeds at equal numbers of images, and whether they differ.

    Runs of one experiment that differ only in their seed are put into one group; a folder may hold
    several. Groups are compared by the Mann-Whitney U test. Runs under way count as far as they
    have come.
    """
    from neatfool import analysis

    found = analysis.compare(**options)
    if classes_csv:
        present.save(classes_csv, found.classes().csv().encode())
        click.echo(f"Each class's course is in {classes_csv}", err=True)
    return found


@present.measure_command(
    """
    neatfool detect runs/mnist-1
    neatfool detect runs/mnist-1 --in-distribution ~/mnist --html detected.html
    neatfool detect runs/imagenet-1 --least 0.9 --in-distribution ~/Pictures --json
    neatfool detect runs/mnist --detectors energy,vim,pytorch-ood:RMD
    neatfool detect runs/mnist-1 runs/mnist_guarded-1 --csv scores.csv
    """,
    queries=False,
)
@present.option(
    "--detectors A,B",
    "Only these: msp,energy or vim,pytorch-ood:NAME, say; `neatfool plugins list` has all names. "
    "Some need the package pytorch-ood (`pip install 'neatfool[ood]'`).  [default: all but "
    "pytorch-ood:NAME]",
    present.Names(),
    (),
)
@present.option(
    "--in-distribution FOLDER",
    "In-distribution images: MNIST's four idx files (training digits fit the detectors, test "
    "digits set the thresholds), or photographs, half of them for each.  [default: the target's "
    "own]",
    exists=True,
    file_okay=False,
)
def detect(**options: Any) -> present.Finding:
    """Say what out-of-distribution (OOD) detectors would have caught of RUN.

    Each detector is fitted to in-distribution images. Its threshold is set on others, of which 95
    or 99 % are to pass. You see how many of the run's fooling images pass then, too.

    An interrupted command begins anew.
    """
    from neatfool import analysis

    return analysis.detect(**options)


@present.measure_command(
    """
    neatfool recognise answers-*.csv
    neatfool recognise runs/imagenet-1 answers-*.csv --html recognised.html    # with pictures
    neatfool recognise runs/imagenet-1 answers-*.csv --to clip.ini --to lite1.ini
    """,
    runs="[RUN] ANSWERS...",
    elites=False,
)
@present.option(
    "--to EXPERIMENT",
    "A file of an experiment whose network is asked about the same images; repeat it for more.",
    multiple=True,
)
def recognise(*, runs: tuple[Path, ...], **options: Any) -> present.Finding:
    """Say how often people recognise images, from the ANSWERS that a quiz saved.

    You see which share names the class of the network, of a photograph, or says that noise is
    nothing at all, each with its interval and beside chance. RUN adds the images themselves; --to,
    too, how often networks name the class.
    """
    from neatfool import analysis

    files = [path for path in runs if not path.is_dir()]
    if not files:
        raise click.UsageError("Name at least one file of answers.")
    return analysis.recognise(files, runs=[path for path in runs if path.is_dir()], **options)


@present.measure_command(
    """
    neatfool survive runs/imagenet_quick-1
    neatfool survive runs/imagenet-1 --sample 100 --html survived.html
    neatfool survive runs/imagenet-1 --kinds jpeg,blur,drawn=448/896 --json
    neatfool survive runs/imagenet-1 --least 0.5 --target experiments/another_network.ini
    neatfool survive runs/old-1 runs/new-1 --sample 200 --csv survived.csv
    neatfool survive runs/imagenet-1 --report          # the run's report then shows it
    """
)
@present.option(
    "--kinds A,B=1/2",
    "What to do to the images; `neatfool plugins list` has the views; `drawn` is drawn anew "
    "at another size, and `sharp` so too, but with twice the detail. Strengths may follow: "
    "jpeg=75/50.  [default: all]",
    present.Names(),
    (),
)
@present.option(
    "--target EXPERIMENT",
    "Score with the target of this experiment's file, and not with the run's own. Images are "
    "scaled to its size.",
)
@present.option(
    "--report",
    "Keep the result in RUN/survival.json, for galleries and `neatfool export`, and write "
    "RUN's report again, which shows it.",
    into="reported",
)
def survive(*, reported: bool, **options: Any) -> present.Finding:
    """Say how much of RUN survives: moved, blurred, as JPEG, on a screen, drawn at another size.

    The images of the run's elites are changed in many ways, each at several strengths, and scored
    again. You see the median confidence, and the share that keep their class in the first place.
    """
    from neatfool import analysis

    found = analysis.survive(**options)
    if reported:
        for report in analysis.keep_survival(found):
            click.echo(f"Look at {report}", err=True)
    return found


@present.measure_command(
    """
    neatfool transfer runs/mnist-1 --to experiments/another_lenet.ini
    neatfool transfer runs/lite0-1 runs/lite1-1 runs/lite2-1 --html transfer.html
    neatfool transfer runs/lite0-1 --to lite1.ini lite2.ini --least 0.5 --csv images.csv
    neatfool transfer runs/imagenet --to resnet.ini --in-distribution ~/Pictures --json
    neatfool transfer runs/mnist-1 --to experiments/api.ini --sample 50 --max-queries 400
    """
)
@present.option(
    "--to EXPERIMENT...",
    "Files of experiments whose networks are to see the images, too. Name one or several.",
    multiple=True,
)
@present.option(
    "--resize",
    "For a network that takes another size, resize the saved images; do not draw them anew.",
)
@present.option(
    "--in-distribution FOLDER",
    "In-distribution images, on which to see how far networks agree.  [default: the targets' own]",
    exists=True,
    file_okay=False,
)
def transfer(*, runs: tuple[Path, ...], to: tuple[Path, ...], **options: Any) -> present.Finding:
    """Say which images of RUN fool which networks: the runs' own, and those of --to.

    Each network is shown the images of all runs at the size that it takes. You see how many are
    top-1 there in their class, how many top-5, and how sure the network is. You also see how far
    the networks agree on in-distribution images, such as photographs; fewer than 50 of them tell
    hardly anything.

    A network that takes another size sees the picture drawn anew. A class is found by its name:
    case and underscores do not matter, and commas separate synonyms. Images of a class that a
    network does not have do not count there.

    An interrupted command begins anew.
    """
    from neatfool import analysis

    folders = [path for path in runs if not path.is_file()]
    if not folders:
        raise click.UsageError("Name at least one run whose images are to be shown.")
    return analysis.transfer(folders, to=[*to, *filter(Path.is_file, runs)], **options)
