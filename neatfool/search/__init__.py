"""Tools for schemes: seeds, and learning by gradients."""
