"""The command ``neatfool detect``: what OOD detectors would have caught."""

from __future__ import annotations

from typing import Any

from neatfool import present


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
    "Only these: msp, max_logit, energy, entropy, gen; or of the package pytorch-ood (`pip "
    "install 'neatfool[ood]'`): knn, mahalanobis, vim, pytorch-ood:NAME.  [default: all but the "
    "last]",
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
