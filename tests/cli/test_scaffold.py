from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from neatfool import ExperimentError, StorageError
from neatfool.cli import main
from neatfool.cli.named_plugins import make_plugin
from neatfool.cli.plugins import KINDS, new, write_plugin
from neatfool.plugin.manager import PluginManager
from neatfool.testing import examine_plugin

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("own_sys_path")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    """A plugin of each kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in KINDS:
        write_plugin(kind, f"my_{kind}", folder / f"my_{kind}")
    return {kind: folder / f"my_{kind}" for kind in KINDS}


OWN_TESTS = """
import os, sys, pytest
for folder in sys.argv[1:]:
    os.chdir(folder)
    if code := pytest.main(["-q", "-p", "no:cacheprovider"]):
        sys.exit(f"{folder}: {code}")
"""


@pytest.mark.slow
def test_each_passes_its_own_tests_untouched(written) -> None:
    result = subprocess.run(
        [sys.executable, "-c", OWN_TESTS, *written.values()],
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count(" passed") == len(KINDS)
    assert "warning" not in result.stdout


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "observer"])
def test_it_passes_the_kit_when_loaded_from_its_file(written, kind) -> None:
    plugins = PluginManager()
    plugins.load_files(written[kind] / f"my_{kind}.py")
    made = plugins.load(kind, f"my_{kind}")
    results = examine_plugin(kind, partial(make_plugin, made, made.options()))
    assert [result for result in results if not result.passed] == []
    assert len(results) > 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["beside", "inside", "installed"])
def test_it_passes_the_checks_of_the_command(written, kind, place, distribute, monkeypatch) -> None:
    name = f"my_{kind}"
    monkeypatch.chdir(written[kind] if place == "inside" else written[kind].parent)
    if place == "installed":
        code = (written[kind] / f"{name}.py").read_text(encoding="utf-8")
        distribute(name, {f"{kind}.{name}": name}, {name: code})
    result = CliRunner().invoke(main, ["plugins", "check", name], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "failed" not in result.output
    assert result.output.count("passed") > 2


@pytest.mark.parametrize("kind", KINDS)
def test_its_experiment_runs(written, kind, tmp_path) -> None:
    experiment = str(written[kind] / f"my_{kind}.ini")
    options = ["--set", "experiment.generations=2", "--out", str(tmp_path / "run"), "--no-report"]
    result = CliRunner().invoke(main, ["run", experiment, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "my_observer.csv").exists() == (kind == "observer")
    assert list((tmp_path / "run" / "images").glob("*.png"))


@pytest.mark.parametrize("kind", KINDS)
def test_its_entry_point_is_named_by_kind_and_name(written, kind) -> None:
    project = tomllib.loads((written[kind] / "pyproject.toml").read_text(encoding="utf-8"))
    entry_points = project["project"]["entry-points"]["neatfool"]
    assert entry_points == {f"{kind}.my_{kind}": f"my_{kind}"}
    assert (written[kind] / f"{entry_points[f'{kind}.my_{kind}']}.py").is_file()
    assert project["project"]["name"] == f"neatfool-my-{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_no_template_mark_is_left(written, kind) -> None:
    for path in written[kind].iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not {"{{", "}}", "{%"} & {text[i : i + 2] for i in range(len(text))}, path
            assert text.endswith("\n")
            assert not text.endswith("\n\n")


def test_the_command_lists_what_it_wrote(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(new, ["target", "birds"], catch_exceptions=False)
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "birds").iterdir()}
    assert names == {"birds.py", "birds.ini", "test_birds.py", "pyproject.toml", "README.md"}
    assert all(name in result.output for name in names)
    assert "class BirdsTarget(Target):" in (tmp_path / "birds" / "birds.py").read_text(
        encoding="utf-8"
    )


def test_out_says_which_folder_to_make(tmp_path) -> None:
    folder = tmp_path / "work" / "first"
    result = CliRunner().invoke(new, ["scheme", "climb", "--out", str(folder)])
    assert result.exit_code == 0
    assert (folder / "climb.py").is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two words", "must be letters, figures and underscores"),
        ("2birds", "start with a letter"),
        ("größe", "must be letters"),
        ("../birds", "must be letters"),
        ("", "must be letters"),
        ("Birds", "take 'birds'"),
        ("lambda", "already means something else to Python"),
        ("numpy", "already means something else to Python"),
        ("neatfool", "already means something else to Python"),
        ("setup", "already means something else to Python"),
        ("mnist", "an installed"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path, name, said) -> None:
    with pytest.raises(ExperimentError, match=said):
        write_plugin("target", name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path) -> None:
    (tmp_path / "birds").mkdir()
    with pytest.raises(ExperimentError, match="already exists"):
        write_plugin("target", "birds", tmp_path / "birds")
    assert list((tmp_path / "birds").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        write_plugin("target", "birds", tmp_path / "file" / "birds")


def test_an_unknown_kind_is_refused() -> None:
    result = CliRunner().invoke(new, ["targets", "birds"])
    assert result.exit_code == 2
    assert "target" in result.output
