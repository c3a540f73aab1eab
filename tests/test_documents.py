"""The documentation says what the program does."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from neatfool import errors
from neatfool.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


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


def commands(group, path=()):
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize(
    ("name", "command"), list(commands(main)), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_command_and_option_is_in_the_reference(name, command):
    found = re.search(
        rf"^## `neatfool {name}[` ].*?(?=^## |\Z)", COMMANDS, re.MULTILINE | re.DOTALL
    )
    assert found, f"docs/commands.md has no heading for `neatfool {name}`"
    options = {
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("-")
    }
    assert {option for option in options if f"`{option}" not in found[0]} == set()


def test_every_command_of_the_reference_is_there():
    headings = re.findall(r"^## `neatfool ([a-z ]*[a-z])", COMMANDS, re.MULTILINE)
    assert sorted(headings) == sorted(name for name, _ in commands(main))


@pytest.mark.parametrize(
    "error",
    [
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, errors.NeatfoolError)
    ],
)
def test_every_exit_code_is_in_the_reference(error):
    if error is not errors.NeatfoolError:
        assert re.search(
            rf"^\| {error.exit_code} \|.*`{error.__name__}` \|$", COMMANDS, re.MULTILINE
        )


def test_ci_is_a_script_that_bash_can_read():
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
