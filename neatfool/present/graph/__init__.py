"""Drawings of CPPN graphs."""
