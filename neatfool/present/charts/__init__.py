"""Charts: axes, labels and figures that look alike."""
