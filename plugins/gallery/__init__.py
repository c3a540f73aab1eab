"""The command ``neatfool gallery``: a page that draws elites from their formulas, in a browser."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import click

from neatfool import hookimpl
from neatfool.present import make_command, trust_option


@trust_option
@make_command
def gallery(
    paths: Sequence[Path],
    *,
    out: Annotated[Path | None, "-o, --out DIR"] = None,
    classes: Sequence[str] = (),
    least: float | None = None,
    sample: int | None = None,
    seed: int = 1,
    distinct: int | None = None,
    small: bool = False,
) -> None:
    """Write a page that draws a run's images live, at any zoom.

    A CPPN is a formula, and your browser draws it: at any zoom, node by node, while you turn its
    knobs. Of other encodings you see the saved images. The page is a folder that opens from disk,
    without server or network. A gallery that is there is replaced, any other folder left alone.

    Args:
        paths: The runs, or the folders that hold them.
        out: The gallery's folder.  [default: RUN/gallery; gallery, if there are several runs]
        classes: The classes of the elites; all if empty.
        least: Their least recorded score.
        sample: How many to draw at random; all if absent.
        seed: The seed of the sample.
        distinct: How many to choose that are unlike each other; all if absent.
        small: Reduce the saved images, with loss: the folder has a third of the size.

    Examples:
        neatfool gallery runs/mnist-1
        neatfool gallery runs/imagenet-1 --least 0.5 --distinct 40 --out site/gallery
        neatfool gallery runs/paper-1 runs/patterns-1 -o both      # side by side
    """
    from neatfool import choose_elites, open_runs
    from neatfool.files import refuse_link
    from neatfool.present import Output

    from .folder import INDEX, write_gallery

    how: Any = {"least": least, "sample": sample, "seed": seed, "distinct": distinct}
    with open_runs(paths) as runs:
        chosen = [(run, choose_elites(run, classes=classes, **how)) for run in runs]
        folder = out
        if folder is None:
            folder = refuse_link((runs[0].path if len(runs) == 1 else Path()) / "gallery")
        count = sum(len(elites) for _, elites in chosen)
        with Output(stderr=True).progress(count, "elites") as note:
            written = write_gallery(chosen, folder, small=small, note=note)
        page = folder / INDEX
        lines = [
            f"{run.name}, seed {run.seed}: {len(e):,} of {len(run):,} elites" for run, e in chosen
        ]
        lines += [f"{written / 1e6:,.1f} MB written", f"Look at {page}"]
        Output().print(*lines, sep="\n", soft_wrap=True, markup=False)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool gallery``."""
    cli.add_command(gallery)
