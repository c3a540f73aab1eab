"""The command ``neatfool survive``: how much of a run survives what happens to images."""

from __future__ import annotations

from typing import Any

import click

from neatfool import present


@present.measure_command(
    """
    neatfool survive runs/imagenet_quick-1
    neatfool survive runs/imagenet-1 --sample 100 --html survived.html
    neatfool survive runs/imagenet-1 --kinds jpeg,blur,drawn=448/896 --json
    neatfool survive runs/imagenet-1 --least 0.5 --target experiments/another_network.ini
    neatfool survive runs/old-1 runs/new-1 --sample 200 --csv survived.csv
    neatfool survive runs/imagenet-1 --report          # the run's report then shows it
    """,
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
