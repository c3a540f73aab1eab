"""``neatfool validate``."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from neatfool.cli import main

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


def validate(*args, exit_code=None):
    result = CliRunner().invoke(main, ["validate", *args])
    assert exit_code in {None, result.exit_code}, result.output
    return result


def test_it_prints_the_experiment_with_all_its_defaults():
    result = validate("e.ini", "--set", "target.gain=3", "--seed", "4", exit_code=0)
    calls = "batch_size = auto\nprecision = auto\nthreads = auto\ngraph = fused\n"
    assert f"[target]\nplugin = filed_target\n{calls}" in result.stdout
    assert "\ngain = 3.0\n" in result.stdout
    assert "seed = 4\n" in result.stdout
    Path("resolved.ini").write_text(result.stdout)
    assert validate("resolved.ini").stdout == result.stdout.replace("= e\n", "= e\n")


def test_it_tells_every_error_with_its_line():
    Path("e.ini").write_text(EXPERIMENT + "batch = 3\n[plugin]\n")
    result = validate("e.ini", "--set", "target.gian=3", exit_code=2)
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
def test_what_a_file_says_does_nothing_to_the_terminal(given, wrong):
    Path("e.ini").write_text(EXPERIMENT.replace(given, wrong))
    result = validate("e.ini")
    assert result.exit_code in {2, 3}
    assert len(result.stderr) < 2500
    assert all(character.isprintable() or character == "\n" for character in result.stderr)


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_wrong_name_of_an_experiment_that_comes_with_neatfool_is_told_with_the_nearest(command):
    Path("e.ini").unlink()
    result = CliRunner().invoke(main, [command, "mnsit"])
    assert result.exit_code == 2
    assert result.stderr == "error: mnsit: there is no such file; did you mean 'mnist'?\n"
    assert "`neatfool experiments list`" in CliRunner().invoke(main, [command, "whatever"]).stderr


BUILT_IN = """\
[experiment]
images = 9
[target]
plugin = mnist
[encoding]
plugin = cppn
[scheme]
plugin = map_elites
batch = 7
classes = 3, dog
"""


def test_a_comment_names_a_key_that_has_no_value():
    Path("e.ini").write_text(BUILT_IN.replace(", dog", ""))
    result = validate("e.ini", exit_code=0)
    assert {"#generations =", "#colour =", "#initial =", "#weights ="} <= {
        *result.stdout.split("\n")
    }
    Path("resolved.ini").write_text(result.stdout)
    assert validate("resolved.ini").stdout == result.stdout


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_class_that_the_target_has_not_is_told_with_its_line(command):
    Path("e.ini").write_text(BUILT_IN)
    result = CliRunner().invoke(main, [command, "e.ini"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "error: e.ini:10: [scheme] classes: there is no class 'dog'; there are: 0, 1, 2, 3, 4, 5, "
        "6, 7, 8, 9"
    )


def test_classes_that_only_the_target_knows_are_said_to_be_unchecked():
    Path("e.ini").write_text(
        EXPERIMENT.replace("plugin = filed_scheme", "plugin = map_elites\nclasses = dog")
    )
    result = validate("e.ini", exit_code=0)
    assert result.stderr.startswith(
        "[scheme] classes: not checked, because the target knows its classes only"
    )
    assert "not checked" not in validate("e.ini", "--set", "scheme.classes=").stderr


@pytest.mark.parametrize(
    ("plugin", "key"), [("mnist", "weights"), ("imagenet", "weights"), ("imagenet", "class_names")]
)
def test_a_file_that_is_not_there_is_reported_with_its_line(plugin, key, monkeypatch):
    Path("e.ini").write_text(f"[experiment]\nimages = 9\n[target]\nplugin = {plugin}\n{key} = it\n")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    result = validate("../e.ini", exit_code=2)
    assert result.stderr.startswith(f"error: ../e.ini:5: [target] {key}: there is no file /")
    Path("../it").touch()  # relative to the experiment's folder
    assert validate("../e.ini").exit_code == 0


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["target.device=[1e400]"], "[target] device: torch knows no such device"),
        (["encoding.device=[1e400]"], "[encoding] device: torch knows no such device"),
        (["encoding.device=cpu, cpu"], "[encoding] device: torch knows no such device"),
        (
            ["encoding.device=cuda", "encoding.renderer=compiled"],
            "[encoding] renderer: draws on the CPU, but device = cuda",
        ),
        (["encoding.colour=rgb"], "[encoding] colour = rgb: the target takes grey images"),
        (['target.threshold={"dog": 0.5}'], "[target] threshold: there is no class 'dog'"),
    ],
)
def test_what_a_run_refuses_is_not_valid(command, given, message):
    Path("e.ini").write_text(BUILT_IN.replace(", dog", ""))
    options = [word for each in given for word in ("--set", each)]
    result = CliRunner().invoke(main, [command, "e.ini", *options])
    assert result.exit_code == 2
    assert message in result.stderr


NEAT = "[experiment]\nimages = 9\n[target]\nplugin = mnist\n"


def test_sections_of_neat_python_that_nothing_reads_are_told_with_what_reads_them():
    names = ["DefaultSpeciesSet", "DefaultStagnation", "DefaultReproduction", "NEAT"]
    given = "".join(f"[{name}]\n" for name in names)
    Path("e.ini").write_text(NEAT + given)
    lines = validate("e.ini").stderr.splitlines()
    assert [line.split("with ")[1].split(" only")[0] for line in lines[:3]] == [
        "[scheme] plugin = single_class"
    ] * 3
    assert "[NEAT]: is neat-python's; leave it out" in lines[3]
    scheme = "[scheme]\nplugin = single_class\n"
    Path("e.ini").write_text(NEAT + given.removesuffix("[NEAT]\n") + scheme)
    assert validate("e.ini").exit_code == 0
