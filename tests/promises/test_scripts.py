"""The scripts that repeat the figures of the documentation."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "file", ["docs/exposure.py", "docs/fracture.py", "images/build.py", "images/measure.py"]
)
def test_all_that_a_script_imports_is_there(file, monkeypatch):
    if file == "images/build.py":
        pytest.importorskip("mlcroissant", reason="only the data set's builder needs it")
    monkeypatch.syspath_prepend(str(ROOT / "images"))
    spec = importlib.util.spec_from_file_location("script", ROOT / file)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "script", script)
    spec.loader.exec_module(script)
    assert "python " in script.__doc__
