"""The command ``neatfool gallery``: a page that draws elites from their formulas, in a browser."""

from pathlib import Path
from typing import Any, Final

import click

from neatfool import hookimpl
from neatfool.present import distinct_option, elite_options, option, trust_option

A_PATH: Final = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Examples:
  neatfool gallery runs/mnist-1
  neatfool gallery runs/imagenet-1 --least 0.5 --distinct 40 --out site/gallery
  neatfool gallery runs/paper-1 runs/patterns-1 -o both      # side by side"""
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@option(
    "-o, --out DIR",
    "The gallery's folder.  [default: RUN/gallery; gallery, if there are several runs]",
)
@elite_options
@distinct_option
@trust_option
@option("--small", "Reduce the saved images, with loss: the folder has a third of the size.")
def gallery(*, paths: tuple[Path, ...], out: Path | None, small: bool, **choice: Any) -> None:
    """Write a page that draws a run's images live, at any zoom.

    A CPPN is a formula, and your browser draws it: at any zoom, node by node, while you turn its
    knobs. Of other encodings you see the saved images. The page is a folder that opens from disk,
    without server or network. A gallery that is there is replaced, any other folder left alone.
    """
    from neatfool import choose_elites, open_runs
    from neatfool.files import refuse_link
    from neatfool.present import Output

    from .folder import INDEX, write_gallery

    with open_runs(paths) as runs:
        chosen = [(run, choose_elites(run, **choice)) for run in runs]
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
