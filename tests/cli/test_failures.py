"""What a plugin's own failure is called, wherever it happens."""

import re

import click
import pytest
from click.testing import CliRunner
from commands import neatfool

from neatfool.cli import main
from neatfool.cli.main_group import MainGroup
from neatfool.cli.new_plugin import write_plugin
from neatfool.wording import percent

PLACES = {
    "target": ["__init__", "score", "neatfool_register_targets"],
    "encoding": ["__init__", "create", "breed", "render", "dumps", "size", "_child"],
    "scheme": ["__init__", "ask", "tell", "state", "members", "_child"],
}
BROKEN = "np.linalg.inv(np.zeros((2, 2)))"
"""What fails in a library."""
VALIDATOR = """
    @model_validator(mode="after")
    def check(self):
        [].pop()
"""
SPEC = """
    def spec(self):
        [].pop()
"""


def break_at(file, method, line):
    """Let a method of a scaffolded plugin fail; give the line's number."""
    text = file.read_text("utf-8")
    begin = rf"(def {method}\(.*?\) -> [^\n]+:\n)( +)"
    head, signature, indent, rest = re.split(begin, text, maxsplit=1, flags=re.DOTALL)
    before = f"{head}{signature}{indent}"
    file.write_text(f"{before}{line}\n{indent}{rest}")
    return before.count("\n") + 1


def assert_blamed(result, file, number):
    assert result.exit_code in {3, 4}, result.stderr
    assert f"{file}, line {number}" in result.stderr
    assert "LinAlgError: Singular matrix" in result.stderr
    assert "neatfool --debug" in result.stderr
    assert "is a bug" not in result.stderr


@pytest.mark.parametrize(
    ("kind", "method"), [(kind, method) for kind in PLACES for method in PLACES[kind]]
)
def test_a_failing_plugin_is_named_with_file_and_line(tmp_path, kind, method):
    write_plugin(kind, "mine", tmp_path / "mine")
    file = tmp_path / "mine" / "mine.py"
    number = break_at(file, method, BROKEN)
    experiment = file.with_suffix(".ini")
    more = ["--generations", 3, "--out", tmp_path / "run", "--set", "scheme.batch=20"]
    assert_blamed(neatfool("run", experiment, *more), file, number)


@pytest.mark.parametrize("method", PLACES["target"])
def test_a_target_that_would_end_the_process_is_named_as_well(tmp_path, method):
    write_plugin("target", "mine", tmp_path / "mine")
    file = tmp_path / "mine" / "mine.py"
    number = break_at(file, method, "raise SystemExit(0)")
    result = neatfool("run", file.with_suffix(".ini"), "--out", tmp_path / "run")
    assert result.exit_code in {3, 4}
    assert f"SystemExit: 0 ({file}, line {number})" in result.stderr


@pytest.mark.parametrize("code", [VALIDATOR, SPEC], ids=["validator", "spec"])
def test_failing_options_are_named_with_file_and_line(tmp_path, code):
    write_plugin("target", "mine", tmp_path / "mine")
    file = tmp_path / "mine" / "mine.py"
    text = file.read_text("utf-8").replace("import BaseModel", "import BaseModel, model_validator")
    head, field, rest = re.split(r"(    gain: float.*\n)", text)
    file.write_text(head + field + code + rest)
    result = neatfool("validate", file.with_suffix(".ini"), exit_code=3)
    assert f"IndexError: pop from empty list ({file}, line " in result.stderr


def test_a_failing_observer_is_named_with_file_and_line(tmp_path, caplog):
    write_plugin("observer", "mine", tmp_path / "mine")
    file = tmp_path / "mine" / "mine.py"
    number = break_at(file, "_line", "[].pop()")
    experiment = file.with_suffix(".ini")
    neatfool("run", experiment, "--generations", 2, "--out", tmp_path / "run", exit_code=0)
    assert f"IndexError: pop from empty list ({file}, line {number})" in caplog.text


COMMAND = """
import json
import click
from neatfool import hookimpl

@hookimpl
def neatfool_add_commands(cli):
    @cli.command()
    def sing():
        json.loads("nonsense")
"""


def group():
    # The group of the program keeps the plugins that it has found.
    return MainGroup(main.name, callback=main.callback, params=main.params)


@pytest.mark.parametrize("debug", [False, True])
def test_a_failing_command_is_its_plugins(distribute, tmp_path, debug):
    distribute("birds", {"command.sing": "birds_song"}, {"birds_song": COMMAND})
    result = CliRunner().invoke(group(), ["--debug"] * debug + ["sing"])
    file = tmp_path / "site-birds" / "birds_song.py"
    assert result.exit_code == 3
    assert f"error: {file}, line 10: JSONDecodeError: Expecting value" in result.stderr
    assert "The plugin failed, not neatfool; " in result.stderr
    assert ("Traceback" in result.stderr) == debug


def test_what_a_plugin_made_neatfool_do_wrong_is_a_bug_of_neatfool():
    def call_it_with_nonsense() -> None:
        percent("nonsense")  # type: ignore[arg-type]

    command = click.Command("fail", callback=call_it_with_nonsense)
    own = MainGroup(commands={"fail": command}, callback=main.callback, params=main.params)
    result = CliRunner().invoke(own, ["fail"])
    assert result.exit_code == 1
    assert "This is a bug in neatfool; `neatfool --debug" in result.stderr
