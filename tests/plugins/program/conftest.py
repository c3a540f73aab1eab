"""Programs of the tests' own that look at PNG files, as a stranger's classifier would."""

import sys

import pytest

import neatfool

LOOK = """
import json, sys
from PIL import Image, ImageStat

def bright(path):
    return round(ImageStat.Stat(Image.open(path).convert("L")).mean[0] / 255, 6)
"""


@pytest.fixture
def program(tmp_path):
    """Make a target of Python code that has ``bright(path)`` and ``sys.argv[1:]``."""
    targets = []

    def make(code, *arguments, **options):
        script = tmp_path / "look.py"
        script.write_text(LOOK + code)
        size = {"height": 4, "width": 6, "channels": 1, "classes": ["dark", "bright"]}
        command = [sys.executable, str(script), *(arguments or ["{image}"])]
        targets.append(neatfool.make_target("program", command=command, **size | options))
        return targets[-1]

    yield make
    for target in targets:
        target.close()
