"""Genomes linked: their nodes, in the order of computation."""
