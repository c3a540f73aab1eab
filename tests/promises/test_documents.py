"""The documentation says what the program does."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import neatfool
from neatfool import cppn, errors
from neatfool.cli import main
from neatfool.config.ini import first_comment
from neatfool.config.options import key_of, model_of
from neatfool.experiment.framework import Calls, General, Sources
from neatfool.plugin.manager import PluginManager

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)


def test_the_first_block_sets_up_and_runs_the_main_job():
    (line,) = FENCED[0][1].splitlines()
    steps = line.split(" && ")
    assert steps[0] == "python3 -m venv .venv"
    assert steps[1] == ".venv/bin/pip install ."
    assert steps[-1] == ".venv/bin/neatfool run experiments/mnist.ini"
    assert (ROOT / "experiments" / "mnist.ini").is_file()


def test_the_second_block_sets_up_and_passes_the_tests():
    (line,) = FENCED[1][1].splitlines()
    assert line.split(" && ")[-1] == ".venv/bin/tox run -e py"


def test_ci_runs_the_second_block_as_it_stands():
    script = ROOT / ".ci" / "run"
    assert FENCED[1][1].strip() in script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / document).read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write down the README's own target and its experiment."""
    source = next(text for _, text in FENCED if text.startswith("# bright.py\n"))
    experiment = next(
        text for _, text in FENCED if text.startswith("[experiment]\nname = bright\n")
    )
    (tmp_path / "bright.py").write_text(source, encoding="utf-8")
    (tmp_path / "bright.ini").write_text(experiment, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_target_of_the_readme_is_fooled(example):
    arguments = ["run", "bright.ini", "--set", "experiment.generations=3", "--no-report"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert len(list((example / "runs" / "bright-5" / "images").glob("*.png"))) == 2


@pytest.mark.parametrize(
    "experiment", sorted((ROOT / "experiments").glob("*.ini")), ids=lambda p: p.stem
)
def test_the_experiments_that_come_with_it_are_valid(experiment):
    result = CliRunner().invoke(main, ["validate", str(experiment)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert 30 < len(first_comment(experiment.read_text(encoding="utf-8"))) < 500
    assert f"`{experiment.name}`" in EXPERIMENTS


def test_the_example_of_a_changed_graph_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "d: the" in code)
    images = {"image": (1, 8, 8), "classes": 10, "images": 20}
    run = neatfool.fool(lambda batch: np.full((len(batch), 10), 0.1), progress=False, **images)
    Path("example.py").write_text(code, encoding="utf-8")
    runpy.run_path("example.py", {"run": run})
    assert (tmp_path / "three-without-d.png").is_file()
    assert capsys.readouterr().out == "10.00%\n"


def commands(group, path=()):
    """Give (name, command) for all commands, those within groups as ``plugins list``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize("name", [name for name, _ in commands(main)])
def test_every_option_of_a_command_is_in_the_reference(name):
    section = re.search(rf"^## `neatfool {name}[` ].*?(?=^## |\Z)", COMMANDS, re.M | re.S)
    assert section, f"docs/commands.md has no heading for neatfool {name}"
    options = {
        option
        for parameter in dict(commands(main))[name].params
        for option in parameter.opts
        if option.startswith("-")
    }
    assert {option for option in options if f"`{option}" not in section[0]} == set()


def test_every_command_of_the_reference_is_there():
    headings = re.findall(r"^## `neatfool ([a-z ]*[a-z])", COMMANDS, re.M)
    assert sorted(headings) == sorted(name for name, _ in commands(main))


def test_every_exit_code_is_in_the_reference():
    in_code = {
        (error.exit_code, name)
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, errors.NeatfoolError)
    }
    rows = re.findall(r"^\| (\d+) \| .* \| `(\w+)` \|$", COMMANDS, re.M)
    assert {(int(code), name) for code, name in rows} == in_code - {(1, "NeatfoolError")}


def keys(model):
    """Give all keys of an options model, those of its sections too."""
    for name, field in model.model_fields.items():
        if inner := model_of(field.annotation):
            yield key_of(name, field)
            yield from keys(inner)
        else:
            yield name


BUILT_IN = [
    ("target", "imagenet"),
    ("target", "mnist"),
    ("encoding", "cppn"),
    ("encoding", "direct"),
    ("scheme", "gradient"),
    ("scheme", "map_elites"),
    ("scheme", "single_class"),
]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_every_option_of_a_built_in_plugin_is_in_the_reference(kind, name):
    options = PluginManager().load(kind, name).options
    missing = [key for key in keys(options) if not re.search(rf"`\[?{key}\]?`", EXPERIMENTS)]
    assert missing == []


def row_of(key, plugin):
    """Give a key's row: of the plugin's own table, or else of a table of several plugins' keys."""
    own = EXPERIMENTS.split(f"### `plugin = {plugin}`")[1].split("\n#")[0]
    pattern = re.compile(rf"^\|.*`{key}` \|.*$", re.M)
    return (pattern.search(own) or pattern.search(EXPERIMENTS))[0]


def defaults(model):
    """Give (key, default) where the default is a number or a word."""
    for name, field in model.model_fields.items():
        if (inner := model_of(field.annotation)) and inner is not cppn.GenomeOptions:
            yield from defaults(inner)
        elif isinstance(field.default, float):
            yield name, f"{field.default:g}"
        elif isinstance(field.default, int | str):
            yield name, f"{field.default}"


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_the_defaults_in_the_reference_are_those_of_the_code(kind, name):
    options = PluginManager().load(kind, name).options
    wrong = [(key, value) for key, value in defaults(options) if value not in row_of(key, name)]
    assert wrong == []


@pytest.mark.parametrize(("preset", "column"), [("paper", 2), ("neat", 3)])
def test_the_presets_in_the_reference_are_those_of_the_code(preset, column):
    values = cppn.PRESETS[preset].values
    table = EXPERIMENTS.split("### `[DefaultGenome]`")[1].split("\n\n")[2]
    wrong = []
    for row in table.splitlines()[2:]:
        cells = [cell.strip().replace("`", "") for cell in row.split("|")]
        keys = cells[1].split(", ")
        words = cells[column].split(", ") if cells[column] else [None] * len(keys)
        for key, word in zip(keys, words, strict=True):
            expected = None if key in cppn.PRESETS[preset].idle else in_words(values[key])
            if word != expected:
                wrong.append((key, word, expected))
    assert wrong == []


def in_words(value):
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value) if isinstance(value, bool | str) else f"{value:g}"


def test_the_activations_in_the_reference_are_those_of_the_code():
    text = EXPERIMENTS.split("\nActivations\n")[1].split("\n\n")[0]
    assert {*re.findall(r"`([a-z_]+)`", text)} == {*cppn.ACTIVATIONS}


@pytest.mark.parametrize("model", [General, Sources, Calls])
def test_every_key_of_the_framework_is_in_the_reference(model):
    assert [key for key in keys(model) if f"| `{key}` |" not in EXPERIMENTS] == []


def test_every_public_name_is_in_the_reference():
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r":: neatfool\.(\w+)\s", text))
    assert "errors" in named, "then all errors are there"
    assert set(neatfool.__all__) - named - set(vars(errors)) == set()
    pages = set(re.findall(r":: neatfool\.report\.(\w+)\s", text))
    assert set(neatfool.report.__all__) - pages == set()


def test_ci_is_a_script_that_bash_can_read():
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
