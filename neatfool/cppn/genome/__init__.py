"""CPPN genomes: genes, options, text and graphs."""
