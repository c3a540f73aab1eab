"""Runs of one experiment with several seeds."""
