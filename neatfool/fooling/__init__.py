"""A run from Python, on a model of your own."""
