"""``python -m benchmarks``."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def main(monkeypatch):
    """Give the program, with two made-up benchmarks in the place of its own."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import __main__ as program
    from benchmarks.figures import Figure

    made = {
        "good": [Figure("speed", 2.0, 1.5, "at least"), Figure("told", 7.0)],
        "bad": [Figure("size", 3.0, 2.0)],
    }

    def module(path):
        name = path.removeprefix("benchmarks.")

        def figures(say):
            say(f"measuring {name}")
            return made[name]

        return SimpleNamespace(figures=figures)

    monkeypatch.setattr(program, "NAMES", ("good", "bad", "broken"))
    monkeypatch.setattr(program, "import_module", module)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        return program.main()

    return call


def test_figures_are_shown_with_bounds_and_whether_they_hold(main, capsys):
    assert main("good", "bad") == 1
    output = capsys.readouterr()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.out.splitlines()]
    assert ["speed", "2", "at least 1.5", "yes"] in rows
    assert ["told", "7", "", ""] in rows
    assert ["size", "3", "at most 2", "no"] in rows
    assert "measuring good" in output.err
    assert "measuring" not in output.out


def test_json_is_all_that_is_printed(main, capsys):
    assert main("good", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["figures"] == [
        {"name": "speed", "value": 2.0, "bound": 1.5, "holds": True},
        {"name": "told", "value": 7.0, "bound": None, "holds": None},
    ]
    keys = {"processor", "cores", "threads", "bf16", "gpu", "python", "torch", "numpy", "numba"}
    assert set(data["machine"]) == keys


def test_a_benchmark_that_fails_does_not_end_the_others(main, capsys):
    assert main("broken", "good") == 1
    output = capsys.readouterr()
    assert "KeyError: 'broken'" in output.err
    assert "broken failed" in output.out
    assert "speed" in output.out


def test_an_unknown_name_is_refused_with_the_nearest(main, capsys):
    with pytest.raises(SystemExit) as ended:
        main("god")
    assert ended.value.code == 2
    assert "did you mean 'good'?" in capsys.readouterr().err


def test_the_gpu_is_measured_alone(main, capsys):
    with pytest.raises(SystemExit) as ended:
        main("--gpu", "good")
    assert ended.value.code == 2
    assert "give it without names" in capsys.readouterr().err


def test_help_names_the_benchmarks_and_gives_examples(main, capsys):
    with pytest.raises(SystemExit) as ended:
        main("--help")
    assert ended.value.code == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "good, bad, broken" in output
    assert "python -m benchmarks render scoring some of them" in output


def test_each_benchmark_is_a_module(main):
    source = (ROOT / "benchmarks" / "__main__.py").read_text(encoding="utf-8")
    (names,) = re.findall(r"^NAMES = \((.*?)\n\)$", source, re.M | re.S)
    files = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert {"render", "busy"} <= {*re.findall(r'"(\w+)"', names)} <= files


@pytest.mark.parametrize("name", ["growth", "run", "memory"])
def test_a_benchmark_says_what_it_measures(main, name):
    from importlib import import_module

    module = import_module(f"benchmarks.{name}")
    assert module.__doc__
    assert module.figures.__doc__
