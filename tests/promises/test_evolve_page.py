"""The page on objectives, whose blocks are run one after another, with fewer images."""

import re
import shutil
from pathlib import Path

import pytest
from commands import neatfool

import neatfool as library

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evolve.md").read_text(encoding="utf-8")
OBJECTIVES = PAGE.partition("## Beyond labels")[0]
BLOCKS = re.findall(r"^```(python|ini)\n(.*?)^```$", OBJECTIVES, re.MULTILINE | re.DOTALL)
FUNCTIONS = [text for kind, text in BLOCKS if kind == "python" and "hookimpl" not in text]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "neatfool" / "models" / "photographs" / "cat.jpg", "photograph.jpg")
    return tmp_path


@pytest.mark.slow
def test_the_functions_run():
    names = {"__name__": "example"}
    runs = []
    for text in FUNCTIONS:
        fewer, changed = re.subn(r"images=[\d_]+,", "images=900, progress=False,", text)
        Path("example.py").write_text(fewer, encoding="utf-8")
        exec(compile(fewer, "example.py", "exec"), names)
        runs += [names["run"]] * changed
    symmetries, nearness, life = runs
    assert symmetries.classes == ("mirror", "half turn", "quarter turn")
    assert symmetries.summary()["filled"] == 3
    assert 0 < nearness.best().score <= 1
    kinds = {data["kind"] for _, data in nearness.phylogeny().nodes(data=True)}
    assert "learned" in kinds
    assert len(life) > 20
    assert (life.path / "report.html").is_file()
    assert Path("quarter-turn.png").stat().st_size > 1000


def test_the_experiment_runs():
    (plugin,) = (text for kind, text in BLOCKS if "hookimpl" in text)
    (experiment,) = (text for kind, text in BLOCKS if kind == "ini")
    Path("stripes.py").write_text(plugin, encoding="utf-8")
    Path("stripes.ini").write_text(experiment, encoding="utf-8")
    neatfool("run", "stripes.ini", "--images", 200, "--no-report", exit_code=0)
    run = library.open_run("runs/stripes-1")
    assert [axis.name for axis in run.spec.grid] == ["brightness", "contrast"]
    assert len(run) > 5
