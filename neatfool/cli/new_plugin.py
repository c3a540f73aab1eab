"""Writes a plugin to start from: a file, its tests, an experiment, and a package to publish."""

import re
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Final

from neatfool import __version__
from neatfool.cli.main_group import GROUPS
from neatfool.errors import ExperimentError, StorageError
from neatfool.plugin import discovery
from neatfool.present.saving import fill_template

_WORDS: Final[Mapping[str, str]] = {"model": "kind of models"}
KINDS: Final[Mapping[str, str]] = {
    kind: _WORDS.get(kind, kind) for kind in discovery.KINDS if kind != "command"
}
"""The kinds of plugins that can be written, each with what it is called in a sentence."""
USES: Final[Mapping[str, str]] = {
    "detector": "neatfool detect RUN --detectors {name}",
    "measure": "neatfool {name} RUN",
}
"""The commands that use a plugin of a kind; of others, an experiment does."""
ONLY_INSTALLED: Final = ("model", *USES)
"""The kinds that are found by the names of installed plugins, and not in a file."""
_CLASSES: Final[Mapping[str, str]] = {"model": "Format", "measure": "Finding"}
"""What the names of classes end in, if not in the kind."""
_TAKEN_BY_TOOLS: Final = ("conftest", "setup")
_PREFIX: Final = "neatfool"
TEMPLATES: Final = Path(__file__).with_name("templates")


def write_plugin(kind: str, name: str, folder: Path | None, *, package: bool = False) -> list[Path]:
    """Write a plugin of a kind into a new folder; give its files, itself first.

    Args:
        kind: One of :data:`KINDS`.
        name: What experiments and commands call it.
        folder: The folder to make; if absent, it has the name of the plugin or of the package.
        package: Whether to write a distribution that can be published, ``neatfool-NAME``.

    Raises:
        ExperimentError: The name cannot be used, or the folder exists.
        StorageError: The folder cannot be written.
    """
    _check_name(kind, name, package=package)
    values = describe_package(kind, name, package=package)
    templates = {
        f"{values['module']}.py": f"{kind}.py",
        **({f"{name}.ini": "experiment.ini"} if values["experiment"] else {}),
        str(values["test"]): f"{kind}_test.py",
        **{each: each for each in ("pyproject.toml", "README.md")},
    }
    if package:
        templates |= {each: each for each in ("LICENSE", "CHANGELOG.md")}
        templates[".github/workflows/test.yml"] = "test.yml"
    folder = folder or Path(str(values["project"]) if package else name)
    written = {folder / path: _fill(each, values) for path, each in templates.items()}
    try:
        folder.mkdir(parents=True)
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except FileExistsError:
        raise ExperimentError(
            f"{folder}: already exists; choose another name, or another folder with --out"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with --out"
        ) from error
    return [*written]


def describe_package(kind: str, name: str, *, package: bool) -> dict[str, str | int | bool]:
    """Give what the templates say of a plugin."""
    project = "neatfool-" + re.sub("_+", "-", name).strip("-")
    stem = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    ending = _CLASSES.get(kind, kind.capitalize())
    only_installed = kind in ONLY_INSTALLED
    return {
        "kind": kind,
        "words": KINDS[kind],
        "name": name,
        "project": project,
        "package": package,
        "module": f"{_PREFIX}_{name}" if package else name,
        "test": f"tests/test_{name}.py" if package else f"test_{name}.py",
        # BirdTarget for a target called bird, bird_target or birdTarget
        "class_name": stem.removesuffix(kind.capitalize()) + ending,
        "use": USES.get(kind, "neatfool run {name}.ini").format(name=name),
        "experiment": kind not in USES,
        "only_installed": only_installed,
        "version": __version__,
        "year": date.today().year,
    }


def _fill(template: str, values: Mapping[str, object]) -> str:
    # Most kinds have no tests beyond those of their contract.
    files = (TEMPLATES / f"{each}.j2" for each in (template, "test.py"))
    return fill_template(next(filter(Path.is_file, files)), values)


def _check_name(kind: str, name: str, *, package: bool) -> None:
    from neatfool.cppn.activations import BUILT_IN  # numpy, which commands start without

    problem, module = None, f"{_PREFIX}_{name}" if package else name
    if re.match(rf"{_PREFIX}[-_]", name):
        problem = f"begins as its package's does; take {name[len(_PREFIX) + 1 :]!r}"
    elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        problem = "must be letters, figures and underscores, and start with a letter"
    elif not name.islower():
        problem = f"must be in small letters, as modules are; take {name.lower()!r}"
    elif f"{kind}.{name}" in discovery.entry_points(discovery.GROUP).names:
        problem = f"is the name of an installed {kind}; choose another"
    elif kind == "measure" and name in {each for names in GROUPS.values() for each in names}:
        problem = "is the name of a command; choose another"
    elif kind == "activation" and name in BUILT_IN:
        problem = "is the name of one of neatfool's activations; choose another"
    # Folders without code, which Python could import too, do not count.
    elif iskeyword(name) or name in _TAKEN_BY_TOOLS or getattr(find_spec(module), "origin", None):
        problem = "already means something else to Python; choose another"
    if problem:
        raise ExperimentError(f"the plugin's name {name!r} {problem}")
