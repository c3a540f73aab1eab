"""``neatfool plugins new`` writes a plugin that works and passes its tests."""

from __future__ import annotations

import re
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

from neatfool.errors import ExperimentError, StorageError
from neatfool.plugin.entries import GROUP, entry_points

KINDS = ("target", "scheme", "encoding", "observer")

_FOR_EVERY_KIND = {"pyproject.toml": "plugin_pyproject.toml.j2", "README.md": "plugin_README.md.j2"}
_TAKEN_BY_TOOLS = ("conftest", "setup")


@click.command(
    epilog="""\b
Examples:
  neatfool plugins new target bird_classifier
  neatfool plugins new scheme climb --out work/climb"""
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder to make.  [default: NAME]",
)
def new(kind: str, name: str, out: Path | None) -> None:
    """Write a plugin to start from, with an experiment that uses it and tests that pass.

    KIND is target, scheme, encoding or observer; experiments will use NAME.
    """
    folder = out or Path(name)
    files = write_plugin(kind, name, folder)
    click.echo(f"{folder} has")
    for path in files:
        click.echo(f"  {path.name}")
    click.echo(f"Try it:\n  neatfool run {folder / name}.ini")
    click.echo(f"Test it (pip install pytest):\n  python -m pytest {folder}")


def write_plugin(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a plugin of a kind in :data:`KINDS` into a new folder; give its files, itself first.

    Raises:
        ExperimentError: The name cannot be used, or the folder exists.
        StorageError: The folder cannot be written.
    """
    _check_name(kind, name)
    contents = _render(kind, name)
    try:
        folder.mkdir(parents=True)
        paths = [folder / file_name for file_name in contents]
        for path, text in zip(paths, contents.values(), strict=True):
            path.write_text(text, encoding="utf-8")
    except FileExistsError:
        raise ExperimentError(
            f"{folder}: already exists; choose another name, or another folder with --out"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with --out"
        ) from error
    return paths


def _check_name(kind: str, name: str) -> None:
    problem = None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        problem = "must be letters, figures and underscores, and start with a letter"
    elif not name.islower():
        problem = f"must be in small letters, as modules are; take {name.lower()!r}"
    elif f"{kind}.{name}" in entry_points(GROUP).names:
        problem = f"is the name of an installed {kind}; choose another"
    # Folders without code, which Python could import too, do not count.
    elif iskeyword(name) or name in _TAKEN_BY_TOOLS or getattr(find_spec(name), "origin", None):
        problem = "already means something else to Python; choose another"
    if problem:
        raise ExperimentError(f"the plugin's name {name!r} {problem}")


def _render(kind: str, name: str) -> dict[str, str]:
    """Fill in a kind's templates; give the text of each file by its name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from neatfool import __version__

    environment = Environment(
        loader=PackageLoader("neatfool.cli"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - these are programs and settings, not pages
    )
    templates = {
        f"{name}.py": f"{kind}.py.j2",
        f"{name}.ini": f"{kind}.ini.j2",
        f"test_{name}.py": f"{kind}_test.py.j2",
        **_FOR_EVERY_KIND,
    }
    stem = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    values = {
        "kind": kind,
        "version": __version__,
        "name": name,
        # BirdTarget for a target called bird, bird_target or birdTarget
        "class_name": stem.removesuffix(kind.capitalize()) + kind.capitalize(),
        "project": "neatfool-" + re.sub("_+", "-", name).strip("-"),
    }
    return {
        file_name: environment.get_template(template).render(values)
        for file_name, template in templates.items()
    }
