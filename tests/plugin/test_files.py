"""Plugins that are files beside an experiment."""

import sys

import pytest

from neatfool.errors import PluginError
from neatfool.plugin.manager import PluginManager

TARGET = """
from __future__ import annotations
from neatfool import hookimpl
{imports}

@hookimpl
def neatfool_register_targets(register):
    register("{name}", dict)
"""


def write(path, name="toy", imports=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TARGET.format(name=name, imports=imports))
    return path


def load(path):
    manager = PluginManager()
    manager.load_files(path)
    return manager


def test_its_source_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path / "plugins" / "toy.py")
    monkeypatch.chdir(tmp_path)
    manager = load(tmp_path / "plugins")
    assert manager.load("target", "toy").source == "plugins/toy.py"


def test_it_takes_no_other_modules_place(tmp_path):
    load(write(tmp_path / "json.py"))
    assert sys.modules["json"].dumps({}) == "{}"
    assert "toy" not in sys.modules


def test_what_lies_beside_it_can_be_imported(tmp_path):
    (tmp_path / "toy_helper_beside.py").write_text("WORD = 'toy'\n")
    load(write(tmp_path / "toy.py", imports="import toy_helper_beside"))
    del sys.modules["toy_helper_beside"]


def test_options_models_in_it_resolve_their_annotations(tmp_path):
    path = tmp_path / "toy.py"
    path.write_text(
        TARGET.format(
            name="toy", imports="from pydantic import BaseModel\nfrom pathlib import Path"
        )
        .replace(
            "@hookimpl", "class Options(BaseModel):\n    file: Path | None = None\n\n@hookimpl"
        )
        .replace("dict)", "dict, options=Options)")
    )
    assert load(path).load("target", "toy").options().file is None


def test_each_module_of_a_folder_is_a_plugin(tmp_path):
    write(tmp_path / "a.py", "a")
    write(tmp_path / "b.py", "b")
    write(tmp_path / "_private.py", "private")
    write(tmp_path / "test_a.py", "test")
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").touch()
    names = load(tmp_path).names("target")
    assert {"a", "b"} <= set(names)
    assert not {"private", "test"} & set(names)


def test_a_package_is_one_plugin(tmp_path):
    package = tmp_path / "toys"
    write(package / "__init__.py", imports="from .parts import PART")
    (package / "parts.py").write_text("PART = 1\n")
    assert load(package).load("target", "toy").source.endswith("toys/__init__.py")


def test_what_is_loaded_again_changes_nothing(tmp_path):
    path = write(tmp_path / "toy.py")
    manager = load(path)
    manager.load_files(path)
    manager.load_files(tmp_path)
    assert manager.load("target", "toy").name == "toy"


def test_a_file_that_was_changed_is_read_anew(tmp_path):
    path = write(tmp_path / "toy.py", "one")
    load(path).load("target", "one")
    write(path, "two")
    load(path).load("target", "two")
    assert not (tmp_path / "__pycache__").exists()


def test_two_files_that_offer_one_name_are_told(tmp_path):
    write(tmp_path / "a.py")
    write(tmp_path / "b.py")
    with pytest.raises(PluginError, match=r"two targets named 'toy': .*a\.py and .*b\.py"):
        load(tmp_path).load("target", "toy")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("x = 1\nx y", r"SyntaxError: invalid syntax \(toy.py, line 2\)"),
        ("import sys; sys.exit()", "SystemExit"),
    ],
)
def test_a_broken_file_is_told_with_the_cause(tmp_path, code, cause):
    path = tmp_path / "toy.py"
    path.write_text(code)
    modules = set(sys.modules)
    with pytest.raises(PluginError, match=f"toy.py: cannot be imported: {cause}"):
        load(path)
    assert set(sys.modules) == modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.py", "there is no such file or folder"),
        ("notes.txt", r"is no Python file; a plugin is a \.py file or a folder"),
        ("empty", "there is no plugin in this folder"),
        ("plain.py", "implements no hook of neatfool"),
        ("plain", "implements no hook"),
    ],
)
def test_what_is_no_plugin_is_told(tmp_path, name, message):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain.py").write_text("x = 1\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("x = 1\n")
    (tmp_path / "plain" / "b.py").write_text("x = 1\n")
    with pytest.raises(PluginError, match=f"{name}: {message}"):
        load(tmp_path / name)
