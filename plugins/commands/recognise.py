"""The command ``neatfool recognise``: how often people name what images show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neatfool import present


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
