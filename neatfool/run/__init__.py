"""Writes and reads a run's folder."""
