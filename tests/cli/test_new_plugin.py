import json
import os
import re
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from neatfool import ExperimentError, StorageError
from neatfool.cli import main
from neatfool.cli.named_plugins import make_plugin
from neatfool.cli.new_plugin import KINDS, ONLY_INSTALLED, write_plugin
from neatfool.cli.plugins import new
from neatfool.plugin.manager import PluginManager
from neatfool.testing import examine_plugin

pytestmark = pytest.mark.usefixtures("own_activations")

IN_FILES = [kind for kind in KINDS if kind not in ONLY_INSTALLED]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A plugin of each kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in KINDS:
        write_plugin(kind, f"my_{kind}", folder / f"my_{kind}")
    return {kind: folder / f"my_{kind}" for kind in KINDS}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A package of each kind."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        write_plugin(kind, f"my_{kind}", folder / kind, package=True)
    return {kind: folder / kind for kind in KINDS}


def test_its_help_names_each_kind() -> None:
    text = CliRunner().invoke(new, ["--help"]).output
    assert {*KINDS} <= {*re.findall(r"\w+", text)}


OWN_TESTS = """
import os, sys, pytest
for folder in sys.argv[1:]:
    os.chdir(folder)
    if code := pytest.main(["-q", "-p", "no:cacheprovider"]):
        sys.exit(f"{folder}: {code}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("package", [False, True])
def test_each_passes_its_own_tests_untouched(tmp_path, package):
    for kind in KINDS:
        write_plugin(kind, f"my_{kind}", tmp_path / kind, package=package)
    result = subprocess.run(
        [sys.executable, "-c", OWN_TESTS, *(tmp_path / kind for kind in KINDS)],
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count(" passed") == len(KINDS)
    assert "warning" not in result.stdout


@pytest.mark.parametrize("kind", ["target", "encoding", "scheme", "view", "engine"])
def test_it_passes_the_kit_when_loaded_from_its_file(written, kind):
    plugins = PluginManager()
    plugins.load_files(written[kind] / f"my_{kind}.py")
    made = plugins.load(kind, f"my_{kind}")
    results = examine_plugin(kind, partial(make_plugin, made, made.options()))
    assert [result for result in results if not result.passed] == []
    assert len(results) > 5


@pytest.fixture
def install(written, distribute):
    """Give what installs the plugin of a kind for the time of a test."""

    def installed(kind: str) -> None:
        name = f"my_{kind}"
        code = (written[kind] / f"{name}.py").read_text(encoding="utf-8")
        distribute(name, {f"{kind}.{name}": name}, {name: code})

    return installed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["beside", "inside", "installed"])
def test_it_passes_the_checks_of_the_command(written, kind, place, install, monkeypatch):
    monkeypatch.chdir(written[kind] if place == "inside" else written[kind].parent)
    if place == "installed":
        install(kind)
    result = CliRunner().invoke(main, ["plugins", "check", f"my_{kind}"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "failed" not in result.output
    assert result.output.count("passed") > 2


def neatfool(*arguments):
    result = CliRunner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


TWO = ("--set", "experiment.generations=2", "--no-report")


@pytest.mark.parametrize("kind", IN_FILES)
def test_its_experiment_runs(written, kind, tmp_path):
    neatfool("run", written[kind] / f"my_{kind}.ini", *TWO, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "my_observer.csv").exists() == (kind == "observer")
    assert list((tmp_path / "run" / "images").glob("*.png"))


def test_a_network_of_a_new_kind_of_models_is_fooled_once_installed(written, install, tmp_path):
    install("model")
    neatfool("run", written["model"] / "my_model.ini", *TWO, "--out", tmp_path / "run")
    shown = json.loads(neatfool("show", tmp_path / "run", "--json"))
    assert [each["name"] for each in shown["classes"]] == [f"grey {n}" for n in range(6)]


def test_a_new_detector_and_a_new_measure_are_used_by_commands(install, tmp_path, monkeypatch):
    install("detector")
    install("measure")
    monkeypatch.setitem(vars(main), "plugins", PluginManager())  # which sees both
    run = tmp_path / "run"
    neatfool("run", Path(__file__).parents[2] / "experiments" / "mnist.ini", *TWO, "--out", run)
    found = json.loads(neatfool("detect", run, "--detectors", "my_detector", "--json"))
    assert "my_detector" in json.dumps(found)
    found = json.loads(neatfool("my_measure", run, "--json"))
    assert all(0 < level < 255 for level in found["runs"][0]["levels"])
    files = tmp_path / "a.csv", tmp_path / "a.html"
    said = neatfool("my_measure", run, "--csv", files[0], "--html", files[1])
    assert "the mean grey level is" in said
    assert files[0].read_text().startswith("run,class,level\n")
    assert "how bright the images are" in files[1].read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_its_entry_point_is_named_by_kind_and_name(written, kind):
    project = tomllib.loads((written[kind] / "pyproject.toml").read_text(encoding="utf-8"))
    entry_points = project["project"]["entry-points"]["neatfool"]
    assert entry_points == {f"{kind}.my_{kind}": f"my_{kind}"}
    assert (written[kind] / f"{entry_points[f'{kind}.my_{kind}']}.py").is_file()
    assert project["project"]["name"] == f"neatfool-my-{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_no_template_mark_is_left(written, packages, kind):
    for path in [*written[kind].rglob("*"), *packages[kind].rglob("*")]:
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("${{ matrix.python }}", "")
            assert not {"{{", "}}", "{%"} & {text[i : i + 2] for i in range(len(text))}, path
            assert text.endswith("\n")
            assert not text.endswith("\n\n")
            assert "\n\n\n\n" not in text
            assert path.suffix != ".py" or max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_says_what_an_index_shows(packages, kind):
    folder = packages[kind]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["license"]) == (f"neatfool-my-{kind}", "MIT")
    assert project["entry-points"]["neatfool"] == {f"{kind}.my_{kind}": f"neatfool_my_{kind}"}
    for name in (*project["license-files"], project["readme"], "CHANGELOG.md"):
        assert f"neatfool-my-{kind}" in (folder / name).read_text() or name == "CHANGELOG.md"
    assert "[![works with neatfool](" in (folder / "README.md").read_text()
    assert (folder / "tests" / f"test_my_{kind}.py").is_file()


def test_the_workflow_of_a_package_uses_the_same_actions_as_ours(packages):
    root, uses = Path(__file__).parents[2], re.compile("uses: (.*)")
    ours = uses.findall((root / ".github" / "workflows" / "release.yml").read_text())
    workflow = packages["view"] / ".github" / "workflows" / "test.yml"
    assert {*uses.findall(workflow.read_text())} <= {*ours}


def test_a_package_is_written_into_a_folder_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = neatfool("plugins", "new", "detector", "far_away", "--package")
    assert (tmp_path / "neatfool-far-away" / "neatfool_far_away.py").is_file()
    assert "neatfool plugins install -e neatfool-far-away\n" in said
    assert "neatfool detect RUN --detectors far_away\n" in said


def test_the_command_lists_what_it_wrote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(new, ["target", "birds"], catch_exceptions=False)
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "birds").iterdir()}
    assert names == {"birds.py", "birds.ini", "test_birds.py", "pyproject.toml", "README.md"}
    assert all(name in result.output for name in names)
    assert "class BirdsTarget(Target):" in (tmp_path / "birds" / "birds.py").read_text(
        encoding="utf-8"
    )


def test_out_says_which_folder_to_make(tmp_path):
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
        ("neatfool_birds", "begins as its package's does; take 'birds'"),
        ("neatfool-birds", "take 'birds'"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path, name, said):
    with pytest.raises(ExperimentError, match=said):
        write_plugin("target", name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "birds").mkdir()
    with pytest.raises(ExperimentError, match="already exists"):
        write_plugin("target", "birds", tmp_path / "birds")
    assert list((tmp_path / "birds").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        write_plugin("target", "birds", tmp_path / "file" / "birds")


def test_an_unknown_kind_is_refused():
    result = CliRunner().invoke(new, ["targets", "birds"])
    assert result.exit_code == 2
    assert "target" in result.output
