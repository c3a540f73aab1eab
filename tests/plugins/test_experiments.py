"""The command ``neatfool experiments``."""

import json
from pathlib import Path

import pytest
from commands import neatfool, rows

ROOT = Path(__file__).parents[2] / "experiments"
FILES = {file.stem: file for file in ROOT.glob("*.ini")}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_all_experiments_are_listed_with_what_a_reader_asks_first():
    told = {
        each["name"]: each for each in json.loads(neatfool("experiments", "list", "--json").stdout)
    }
    assert told.keys() == FILES.keys()
    assert [name for name, each in told.items() if not each["about"] or not each["takes"]] == []
    assert told["mnist"]["takes"] == "2 seconds"
    assert told["api"]["extras"] == ["serve", "http"]
    network = {name: [] if name.startswith("mnist") else ["imagenet"] for name in told}
    assert {name: each["extras"] for name, each in told.items()} == network | {
        "api": ["serve", "http"],
        "clip": ["clip"],
        "mnist_guarded": ["ood"],
        "mnist_ribs": ["ribs"],
    }


def test_the_table_begins_with_those_that_need_no_extra():
    table = rows(neatfool("experiments", "list").stdout)
    names = [name for name, *_ in table if name]
    assert sorted(names) == sorted(FILES)
    assert names[0] == "mnist"
    assert [name for name in names[:4] if not name.startswith("mnist")] == []


def test_a_copy_is_the_file_and_runs_where_the_documentation_says():
    result = neatfool("experiments", "copy", "mnist", exit_code=0)
    copied = Path("experiments/mnist.ini")
    assert copied.read_bytes() == FILES["mnist"].read_bytes()
    assert f"neatfool run {copied}" in result.stdout
    assert neatfool("validate", copied).exit_code == 0


def test_another_folder_may_be_given_and_names_may_have_their_ending():
    result = neatfool("experiments", "copy", "mnist_direct.ini", "imagenet_quick", "--out", "mine")
    assert {file.name for file in Path("mine").iterdir()} == {
        "mnist_direct.ini",
        "imagenet_quick.ini",
    }
    assert "pip install 'neatfool[imagenet]'" in result.stdout


def test_an_experiment_brings_the_files_that_it_refers_to():
    neatfool("experiments", "copy", "mnist_guarded", "--out", ".")
    assert {file.name for file in Path().iterdir()} == {"mnist_guarded.ini", "mnist.ini"}


def test_a_file_that_was_changed_is_kept_and_nothing_is_half_done():
    Path("experiments").mkdir()
    changed = Path("experiments/mnist.ini")
    changed.write_text("mine")
    result = neatfool("experiments", "copy", "mnist_direct", "mnist", exit_code=2)
    assert "differs from the one that comes with neatfool" in result.stderr
    assert [file.name for file in changed.parent.iterdir()] == ["mnist.ini"]
    changed.write_bytes(FILES["mnist"].read_bytes())
    assert neatfool("experiments", "copy", "mnist_direct", "mnist").exit_code == 0, "the same file"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mnits"], "mnits: no such experiment comes with neatfool; did you mean 'mnist"),
        (["nothing", "mnist", "--out", "mine"], "nothing: no such experiment"),
    ],
)
def test_a_wrong_word_is_told_and_nothing_is_written(words, said):
    result = neatfool("experiments", "copy", *words)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told():
    Path("file").touch()
    result = neatfool("experiments", "copy", "mnist", "--out", "file")
    assert (result.exit_code, "file: cannot be written" in result.stderr) == (6, True)
