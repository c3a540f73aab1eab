"""The scripts that repeat the figures of the documentation."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = (
    "docs/exposure.py",
    "docs/fracture.py",
    "images/build.py",
    "images/measure.py",
)


@pytest.fixture
def load(monkeypatch):
    def load_script(file):
        for folder in ("docs", "images"):
            monkeypatch.syspath_prepend(str(ROOT / folder))
        spec = importlib.util.spec_from_file_location("script", ROOT / file)
        script = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "script", script)
        spec.loader.exec_module(script)
        return script

    return load_script


@pytest.mark.parametrize("file", SCRIPTS)
def test_all_that_a_script_imports_is_there(file, load):
    if file == "images/build.py":
        pytest.importorskip("mlcroissant", reason="only the data set's builder needs it")
    assert "python " in load(file).__doc__
