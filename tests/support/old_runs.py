"""Runs that earlier versions recorded."""

from pathlib import Path

FIRST = Path(__file__).parents[1] / "data" / "run-0.1.0"
"""Of version 0.1.0 (format 3): stopped after 8 of 12 generations of 10 images."""
