"""The command ``neatfool gallery``: a page that draws elites from their formulas, in a browser."""

import json
from pathlib import Path
from typing import Any, Final

import click

from neatfool import hookimpl
from neatfool.present import distinct_option, elite_options, option, trust_option

IMAGES: Final = ("exact", "png", "small", "none")
"""How saved images are shown; see :func:`.folder.encode_image`."""
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
@option(
    "--steps N",
    "Show up to N of each elite's line of ancestors, chosen evenly; 0: none, which makes the "
    "folder smaller.",
    click.IntRange(min=0),
    16,
)
@click.option(
    "--images",
    type=click.Choice(IMAGES),
    default=IMAGES[0],
    show_default=True,
    help="The saved images: exact, the same pixels in smaller files; png, the saved files; small, "
    "for the tiles only, a seventh of the size; or none.",
)
@option("--json", "Print what was written as JSON.", into="as_json")
def gallery(
    *,
    paths: tuple[Path, ...],
    out: Path | None,
    steps: int,
    images: str,
    as_json: bool,
    **choice: Any,
) -> None:
    """Write a page on which the elites of RUN are drawn live, and can be entered.

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
            written = write_gallery(chosen, folder, steps=steps, images=images, note=note)
        page = folder / INDEX
        if as_json:
            summary = {
                "page": str(page),
                "bytes": written,
                "runs": [{"path": str(run.path), "elites": len(elites)} for run, elites in chosen],
            }
            click.echo(json.dumps(summary, indent=1))
            return
        lines = [
            f"{run.name}, seed {run.seed}: {len(e):,} of {len(run):,} elites" for run, e in chosen
        ]
        lines += [f"{written / 1e6:,.1f} MB written", f"Look at {page}"]
        Output().print(*lines, sep="\n", soft_wrap=True, markup=False)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool gallery``."""
    cli.add_command(gallery)
