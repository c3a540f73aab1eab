"""Curves and maps of numbers."""
