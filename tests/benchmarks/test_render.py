from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_compares_equal_images():
    done = subprocess.run(
        [sys.executable, "benchmarks/render.py", "--json", "--genomes", "4", "--sizes", "9"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    for measured in json.loads(done.stdout)["measured"]:
        assert measured["values equal to torch's within 1"] > 0.99
        assert 0 < measured["compiled / neat-python"] < 1
        assert set(measured["seconds"]) == {"compile", "compiled", "torch", "neat-python"}
