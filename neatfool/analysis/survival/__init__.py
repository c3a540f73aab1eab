"""Survival: how much of a run survives what happens to images in the world."""
