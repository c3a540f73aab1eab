"""Benchmarks are no part of the package: they are found in the checkout, after all else."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
