"""The command ``neatfool transfer``: which images fool which networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neatfool import present


@present.measure_command(
    """
    neatfool transfer runs/mnist-1 --to experiments/another_lenet.ini
    neatfool transfer runs/lite0-1 runs/lite1-1 runs/lite2-1 --html transfer.html
    neatfool transfer runs/lite0-1 --to lite1.ini lite2.ini --least 0.5 --csv images.csv
    neatfool transfer runs/imagenet --to resnet.ini --in-distribution ~/Pictures --json
    neatfool transfer runs/mnist-1 --to experiments/api.ini --sample 50 --max-queries 400
    """,
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
