"""The page on NEAT networks: its blocks, one after another, as a reader copies them."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from random_neat import evolve_xor

from neatfool import cppn
from neatfool.cli import main
from neatfool.cppn.exchange.formats import WRITERS

pytest.importorskip("onnxruntime")

PAGE = (Path(__file__).parents[2] / "docs" / "neat-networks.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)).splitlines()


def test_its_title_begins_with_a_verb():
    assert PAGE.startswith("# Draw, ")


def test_its_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    winner, config = evolve_xor(tmp_path, 3)
    (tmp_path / "page.py").write_text("\n".join(PYTHON), encoding="utf-8")
    names = runpy.run_path("page.py", {"winner": winner, "config": config})
    assert "A xor B" in Path("xor.svg").read_text(encoding="utf-8")
    assert names["network"].activate([1.0, 0.0]) == names["feed_forward"].activate([1.0, 0.0])
    assert names["outputs"].shape == (2, 1)
    assert names["loss"] < 1.0
    assert names["score"](names["best"]) > names["first"] + 0.05
    assert names["pixels"].shape == (1, 1024, 1024)
    assert cppn.read("best.json").genome == names["best"]
    graphs = [line.partition("#")[0] for line in SHELL if line.startswith("neatfool graph")]
    for command in graphs:
        result = CliRunner().invoke(main, shlex.split(command)[1:], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert len(graphs) == 2
    assert {"exported.svg", "winner.graphml"} <= {each.name for each in tmp_path.iterdir()}


def test_its_table_names_all_formats():
    for suffix in WRITERS:
        assert f"`{suffix}`" in PAGE
