"""The tutorial, followed step by step by a reader who copies every block."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from neatfool.cli import main

pytest.importorskip("sklearn")

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.MULTILINE | re.DOTALL)
METHOD = next(text for _, text in BLOCKS if text.startswith("    def self_check"))
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
(QUOTED,) = [text for kind, text in BLOCKS if kind == "text"]
INSTALL = COMMANDS.index("pip install -e .")


def neatfool(*arguments):
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def follow(commands):
    """Do what the reader is told to; give what is printed."""
    split = [shlex.split(command) for command in commands]
    assert {program for program, *_ in split} == {"neatfool"}
    return [neatfool(*arguments) for _, *arguments in split]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with every file that the reader saves."""
    folder = tmp_path_factory.mktemp("tutorial")
    for kind, text in BLOCKS:
        named = re.match(r"# (\S+\.(?:py|ini|toml))\n", text)
        if named and kind in ("python", "ini", "toml"):
            (folder / named[1]).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _in_the_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))


def form(line):
    """Leave out what differs from machine to machine: numbers and times."""
    return re.sub(r"(> )?\d[\d,.]*", "N", re.sub(r" ?\(.*?\)", "", " ".join(line.split())))


def add_self_check(folder, text=METHOD):
    """Add the method below ``score``, if it is not there yet."""
    source = (folder / "digits.py").read_text(encoding="utf-8")
    if "self_check" not in source:
        source = source.replace("\n\n\n@hookimpl", f"\n\n{text}\n\n@hookimpl")
    assert text in source
    (folder / "digits.py").write_text(source, encoding="utf-8")


def test_the_target_has_about_20_lines():
    source = next(text for _, text in BLOCKS if text.startswith("# digits.py"))
    lines = [line for line in source.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 22


@pytest.mark.slow
def test_the_reader_fools_most_classes(folder):
    printed = follow(COMMANDS[:INSTALL])
    assert form(QUOTED) in form(printed[COMMANDS.index("neatfool run digits.ini")])
    shown = json.loads(neatfool("show", "runs/digits-1", "--json"))
    assert shown["classes_ge_0.99"] >= 7
    assert shown["median"] >= 0.999
    assert {image.suffix for image in (folder / "runs/digits-1/images").iterdir()} == {".png"}
    assert len(list((folder / "runs/digits-1/images").iterdir())) == 10
    assert (folder / "three.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "three.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_target_with_its_self_check_passes_the_suite(folder):
    add_self_check(folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_digits.py"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert re.search(r"^1 passed", result.stdout, re.MULTILINE)


def test_a_network_that_recognises_too_little_stops_the_run(folder):
    add_self_check(folder)
    source = (folder / "digits.py").read_text(encoding="utf-8")
    (folder / "strict.py").write_text(source.replace("0.85", "0.999"), encoding="utf-8")
    arguments = ["run", "digits.ini", "--seed", "8", "--set", "plugins.path=strict.py"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 4
    assert re.search(r"recognises only 9\d% of digits", " ".join(result.output.split()))


def test_the_installed_target_is_found_by_its_name(folder, monkeypatch):
    add_self_check(folder)
    install(folder, monkeypatch)
    experiment = (folder / "digits.ini").read_text(encoding="utf-8")
    without = experiment.replace("[plugins]\npath = digits.py\n\n", "")
    assert without != experiment
    (folder / "digits.ini").write_text(without, encoding="utf-8")
    assert COMMANDS[INSTALL + 1] == "neatfool plugins list"
    assert "neatfool-digits" in neatfool("plugins", "list")
    follow([f"{COMMANDS[-1]} --set experiment.generations=2 --no-report"])
    assert (folder / "runs" / "digits-2" / "run.db").is_file()


def install(folder, monkeypatch):
    """Do what ``pip install -e .`` would do, without an index or a change to this environment."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = folder / "site"
    metadata = site / f"neatfool_digits-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    head = f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(head, encoding="utf-8")
    points = [f"{name} = {value}" for name, value in project["entry-points"]["neatfool"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[neatfool]", *points, ""]), "utf-8")
    monkeypatch.setattr(sys, "path", [str(site), str(folder), *sys.path])
    monkeypatch.delitem(sys.modules, "digits", raising=False)
