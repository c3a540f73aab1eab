"""Groups of runs side by side."""
