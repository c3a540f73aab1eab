"""``neatfool plugins list``, ``show`` and ``check``."""

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from neatfool.cli import main

TARGET = """
import numpy as np
from pydantic import BaseModel
from neatfool import ImageSpec, Scores, Target, hookimpl

class Options(BaseModel):
    total: float {default}

class Bright(Target):
    spec = ImageSpec(height=8, width=8, channels=1, classes=("dark", "bright"))

    def __init__(self, options):
        self.total = options.total

    def score(self, images):
        p = images.mean((1, 2, 3)) / 255
        return Scores(np.stack([self.total - p, p], 1))

@hookimpl
def neatfool_register_targets(register):
    register("bright", Bright, options=Options)
"""
GOOD = TARGET.format(default="= 1.0")
BAD = TARGET.format(default="= 1.5")
OBSERVER = "from neatfool import hookimpl\n@hookimpl\ndef neatfool_run_started(run): ...\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plugins(*args, exit_code=None):
    result = CliRunner().invoke(main, ["plugins", *args], env={"COLUMNS": "160"})
    assert exit_code in {None, result.exit_code}, result.output
    return result


def test_what_is_installed_is_listed_though_it_is_broken(distribute):
    distribute("birds", {"target.tit": "birds_gone"})
    result = plugins("list")
    assert result.exit_code == 0
    (row,) = [line for line in result.stdout.splitlines() if " tit " in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "target",
        "tit",
        "birds 1.2",
    ]


def test_the_list_is_json_where_asked(distribute):
    distribute("birds", {"target.tit": "birds_gone", "tit": "x"})
    entries = [
        entry
        for entry in json.loads(plugins("list", "--json").stdout)
        if "birds" in entry["source"]
    ]
    assert entries[0] == {
        "kind": "target",
        "name": "tit",
        "source": "birds",
        "value": "birds_gone",
        "version": "1.2",
        "problem": "",
        "hooks": [],
    }
    assert "is not named KIND.NAME" in entries[1]["problem"]


HOOKS = """
import pluggy
from neatfool import hookimpl
from birds_other import neatfool_run_started
spec = pluggy.HookspecMarker("neatfool")
raise SystemExit("imported")

@hookimpl
def neatfool_register_targets(register): ...

@hookimpl(trylast=True)
def neatfool_register_views(register): ...

@spec
def neatfool_sing(song): "A hook for others."

def neatfool_help(): "No hook."

neatfool_register_models = object().register
"""


def test_the_hooks_of_each_plugin_are_listed_though_none_is_imported(distribute):
    distribute("birds", {"target.tit": "birds_m"}, {"birds_m": HOOKS})
    entries = json.loads(plugins("list", "--json").stdout)
    hooks = {(each["kind"], each["name"]): each["hooks"] for each in entries}
    assert hooks["target", "tit"] == [
        "neatfool_register_models",
        "neatfool_register_targets",
        "neatfool_register_views",
        "neatfool_run_started",
    ]
    assert hooks["measure", "survive"] == ["neatfool_register_measures", "neatfool_report_blocks"]
    assert "birds_m" not in sys.modules


def test_a_folder_is_not_installed_where_pip_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pip", None)
    result = plugins("install", "-e", str(tmp_path), exit_code=3)
    assert f"{sys.executable}: has no pip; get it by" in result.stderr
    assert f"`uv pip install -e {tmp_path}`" in result.stderr


def test_what_pip_cannot_install_is_said_with_what_was_run(tmp_path):
    result = plugins("install", str(tmp_path))
    assert result.exit_code == 3
    assert f"Running {sys.executable} -m pip install {tmp_path} --quiet\n" in result.stderr
    assert "pip could not install it (exit code 1)" in result.stderr


def test_only_a_folder_is_installed():
    result = plugins("install", "neatfool-birds", exit_code=2)
    assert "does not exist" in result.stderr


@pytest.mark.parametrize(
    ("name", "code", "exit_code"), [("bright.py", GOOD, 0), ("bright", GOOD, 0), ("bright", BAD, 3)]
)
def test_a_good_plugin_passes_its_checks_and_a_bad_one_fails_them(name, code, exit_code):
    Path("bright.py").write_text(code)
    result = plugins("check", name, exit_code=exit_code)
    assert "target bright" in result.stdout
    assert result.stdout.count("passed") > 3
    assert ("FAILED" in result.stdout) == ("checks failed" in result.stderr) == (exit_code == 3)


FAILING = """
        import darkness
        return darkness.{call}(images, Scores)
"""
LIBRARY = """
import json
def of_python(images, scores): return json.loads("no")
def of_neatfool(images, scores): return scores(images[0, 0, 0, 0], top=None)
def of_its_own(images, scores): raise ValueError("too dark")
def asserted(images, scores): assert False, "too dark"
"""


@pytest.mark.parametrize("place", ["site-packages", "elsewhere"])
@pytest.mark.parametrize("call", ["of_python", "of_neatfool", "of_its_own", "asserted"])
def test_a_failed_check_names_the_line_of_the_plugin_and_not_that_of_a_library(
    place, call, tmp_path, monkeypatch
):
    folder = tmp_path / place
    folder.mkdir()
    (folder / "darkness.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(folder)
    code = GOOD.replace("        p = images", FAILING.format(call=call) + "        p = images")
    (tmp_path / "mine").mkdir()
    Path("mine/bright.py").write_text(code)
    number = 1 + code.splitlines().index(f"        return darkness.{call}(images, Scores)")
    said = " ".join(plugins("check", "mine/bright.py").stdout.replace("│", " ").split())
    assert f"(mine/bright.py, line {number})" in said
    places = set(re.findall(r"\(([^()]+\.py)[:,] *(?:line )?\d+\)", said))
    assert places == {"mine/bright.py"}


def test_a_failed_check_names_the_deepest_line_of_a_plugin_that_is_a_folder(tmp_path):
    folder = Path("bright")
    folder.mkdir()
    (folder / "__init__.py").write_text(
        GOOD.replace("from neatfool", "from .light import fail\nfrom neatfool").replace(
            "        p = images", "        fail()\n        p = images"
        )
    )
    (folder / "light.py").write_text("import json\n\ndef fail():\n    json.loads('no')\n")
    said = " ".join(plugins("check", "bright").stdout.replace("│", " ").split())
    assert set(re.findall(r"\(([^()]+\.py[:,] *(?:line )?\d+)\)", said)) == {
        "bright/light.py, line 4"
    }


def test_options_for_the_checks_can_be_given():
    Path("bright.py").write_text(TARGET.format(default=""))
    assert plugins("check", "bright.py").exit_code == 3
    assert plugins("check", "bright.py", "--set", "total=1").exit_code == 0
    result = plugins("check", "bright.py", "--set", "totle=1", exit_code=2)
    assert "--set target.totle: [target] totle: unknown key; did you mean 'total'?" in result.stderr


def test_a_command_under_a_name_of_neatfools_fails(distribute):
    code = (
        "from neatfool import hookimpl\n@hookimpl\ndef neatfool_add_commands(cli):\n"
        "    cli.command('show')(lambda: None)\n"
    )
    distribute("lamps", {"command.lamps": "lamps_c"}, {"lamps_c": code})
    result = plugins("check", "lamps", exit_code=3)
    assert "neatfool has its own command 'show'" in result.stdout


def test_an_entry_point_of_no_kind_fails_its_check(distribute):
    distribute("birds", {"tit": "birds_m"})
    result = plugins("check", "tit", exit_code=3)
    assert "is not named KIND.NAME" in " ".join(result.stdout.split())


def test_an_observer_is_checked(distribute):
    distribute("birds", {"observer.chirp": "birds_watch"}, {"birds_watch": OBSERVER})
    assert plugins("check", "chirp").exit_code == 0
    Path("watch.py").write_text(OBSERVER)
    assert plugins("check", "watch.py").exit_code == 0
    Path("watch.py").write_text(OBSERVER.replace("run_started", "run_startet"))
    result = plugins("check", "watch.py", exit_code=3)
    assert "did you mean 'neatfool_run_started'?" in result.stderr


VIEW = """
import torch
from neatfool import View, hookimpl

class Dim(View):
    unit, what, strengths = "%", "dimmer", (10.0, 50.0)

    def __init__(self, options):
        pass

    def change(self, images, amounts, seeds):
        return images * (1 - amounts[:, None, None, None] / 100) * FACTOR

@hookimpl
def neatfool_register_views(register):
    register("dim", Dim)
"""


def test_a_view_is_checked_at_each_strength():
    Path("dim.py").write_text(VIEW.replace("FACTOR", "1"))
    assert plugins("check", "dim.py").exit_code == 0
    Path("dim.py").write_text(VIEW.replace("FACTOR", "(1 - torch.rand(1))"))
    result = plugins("check", "dim.py", exit_code=3)
    assert "change() at 10 %" in result.stdout
    assert "the generator of torch was used" in result.stdout


def test_an_unknown_name_is_told_with_those_near(distribute):
    distribute("birds", {"target.tit": "birds_gone"})
    result = plugins("check", "titt", exit_code=3)
    assert "unknown plugin 'titt'; did you mean 'tit'" in result.stderr
    assert "birds_gone" not in sys.modules


@pytest.mark.parametrize("columns", ["80", "160"])
def test_the_options_of_a_plugin_are_listed_as_help_lists_them(columns):
    shown = CliRunner().invoke(main, ["plugins", "show", "single_class"], env={"COLUMNS": columns})
    assert shown.exit_code == 0, shown.output
    assert "scheme single_class (neatfool" in shown.stdout
    lines = shown.stdout.partition("[scheme]\n")[2].splitlines()
    assert max(map(len, lines)) <= 80
    (place,) = [n for n, line in enumerate(lines) if line.startswith("  population ")]
    own = " ".join(lines[place].split() + lines[place + 1].split())
    fact = "a whole number >= 2 and <= 100000; default: 100"
    assert own.startswith(f"population candidates that live at a time [{fact}]")


def test_options_that_must_be_given_and_a_plugin_without_any_are_shown():
    Path("bright.py").write_text(TARGET.format(default=""))
    assert "  total  [a number; required]\n" in plugins("show", "bright.py").stdout
    Path("watch.py").write_text(GOOD.replace(", options=Options", ""))
    assert "[target] no options" in plugins("show", "watch.py").stdout


def test_the_options_of_a_file_are_shown_as_json():
    Path("bright.py").write_text('"""Targets ``bright``.\n\nMore."""\n' + GOOD)
    (shown,) = json.loads(plugins("show", "bright.py", "--json").stdout)
    option = {"key": "total", "type": "a number", "default": 1.0, "required": False}
    assert shown == {
        "kind": "target",
        "name": "bright",
        "source": "bright.py",
        "about": "Targets `bright`.",
        "sections": {"target": [{**option, "description": ""}]},
    }


def test_all_plugins_of_a_name_are_shown():
    shown = json.loads(plugins("show", "mnist", "--json").stdout)
    assert [(each["kind"], list(each["sections"])) for each in shown] == [
        ("target", ["target"]),
        ("command", []),
    ]
    assert "Train" in shown[1]["about"]


def test_a_measure_is_checked_by_its_command_and_on_tiny_runs():
    checked = plugins("check", "compare")
    assert "runs are left alone" in checked.stdout
    assert checked.exit_code == 0, checked.output
    assert "its docstring makes a command" in checked.stdout


@pytest.mark.parametrize(
    ("section", "key"), [("experiment", "seed"), ("plugins", "path"), ("target", "precision")]
)
def test_neatfools_own_keys_are_shown_by_their_section(section, key):
    (shown,) = json.loads(plugins("show", section, "--json").stdout)
    assert key in [option["key"] for option in shown["sections"][section]]


def test_an_unknown_plugin_is_not_shown():
    result = plugins("show", "map_elite", exit_code=3)
    assert "unknown plugin 'map_elite'; did you mean 'map_elites'" in result.stderr


def test_the_options_of_an_observer_are_shown_and_can_be_set_for_its_checks():
    pytest.importorskip("wandb", reason="pip install 'neatfool[wandb]'")
    shown = json.loads(plugins("show", "wandb", "--json").stdout)
    assert [(each["kind"], list(each["sections"])) for each in shown] == [("observer", ["wandb"])]
    result = plugins("check", "wandb", "--set", "mode=sometimes", exit_code=2)
    assert "must be 'offline' or 'online'" in result.stderr
