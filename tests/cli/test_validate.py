"""``neatfool validate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from neatfool.cli import main

pytestmark = pytest.mark.usefixtures("own_sys_path")

PLUGINS = """
from pydantic import BaseModel
from neatfool import hookimpl

class Options(BaseModel):
    gain: float = 12

@hookimpl
def neatfool_register_targets(register):
    register("filed_target", dict, options=Options)

@hookimpl
def neatfool_register_encodings(register):
    register("filed_encoding", dict)

@hookimpl
def neatfool_register_schemes(register):
    register("filed_scheme", dict)
"""

EXPERIMENT = """\
[experiment]
images = 9
[plugins]
path = filed.py
[target]
plugin = filed_target
[encoding]
plugin = filed_encoding
[scheme]
plugin = filed_scheme
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("filed.py").write_text(PLUGINS)
    Path("e.ini").write_text(EXPERIMENT)


def validate(*args):
    return CliRunner().invoke(main, ["validate", *args])


def test_it_prints_the_experiment_with_all_its_defaults():
    result = validate("e.ini", "--set", "target.gain=3", "--seed", "4")
    assert result.exit_code == 0, result.output
    calls = "batch_size = auto\nprecision = auto\nthreads = auto\ngraph = fused\n"
    assert f"[target]\nplugin = filed_target\n{calls}gain = 3.0\n" in result.stdout
    assert "seed = 4\n" in result.stdout
    Path("resolved.ini").write_text(result.stdout)
    assert validate("resolved.ini").stdout == result.stdout.replace("= e\n", "= e\n")


def test_it_tells_every_error_with_its_line():
    Path("e.ini").write_text(EXPERIMENT + "batch = 3\n[plugin]\n")
    result = validate("e.ini", "--set", "target.gian=3")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: e.ini:11: [scheme] batch: unknown key; there are: plugin",
        "e.ini:12: [plugin]: unknown section; did you mean 'plugins'?",
        "--set target.gian: [target] gian: unknown key; did you mean 'gain' or 'plugin'?",
    ]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("images = 9", "\x1b[31mred = 9"),
        ("[scheme]", "[\x1b]0;title\x07]"),
        ("path = filed.py", r'path = "\u001b[31mred.py"'),
        ("path = filed.py", r'observers = "\u001b[31mred"'),
        ("path = filed.py", f"path = {'long' * 250_000}"),
        ("plugin = filed_scheme", f"plugin = {'long' * 250_000}"),
        ("images = 9", f"{'long' * 250_000} = 9"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--no-plugins"]])
def test_what_a_file_says_does_nothing_to_the_terminal(given, wrong, options):
    Path("e.ini").write_text(EXPERIMENT.replace(given, wrong))
    result = validate("e.ini", *options)
    assert result.exit_code in {2, 3} or options
    assert len(result.stderr) < 2500
    assert all(character.isprintable() or character == "\n" for character in result.stderr)


def test_nothing_is_no_name_that_may_have_been_meant():
    result = validate("e.ini", "--set", "target.gain=")
    assert result.stderr == ("error: --set target.gain: [target] gain: must be a number, not ''\n")


def test_without_plugins_it_imports_none():
    Path("filed.py").write_text("raise SystemExit")
    result = validate("e.ini", "--no-plugins", "--set", "target.gian=3")
    assert result.exit_code == 0, result.output
    assert "gian = 3\n" in result.stdout
    assert "were not checked" in result.stderr
    assert validate("e.ini").exit_code == 3
