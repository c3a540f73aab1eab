"""Ancestry: what the lineages of runs' elites tell of the network."""
