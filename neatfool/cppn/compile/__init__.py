"""Genomes compiled into programs that draw: a tape for compiled code, a program for torch."""
