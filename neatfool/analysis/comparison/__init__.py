"""Comparison: groups of runs side by side, and whether they differ."""
