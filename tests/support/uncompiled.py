"""Breeding and linking as they are where numba does not work: the same functions, for tests."""

import importlib
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

import neatfool
from neatfool import cppn

NAMES = ("breeding", "mutation", "crossover", "buffer", "rng", "jit", "tape")
COMPILED = [f"neatfool.cppn.{name}" for name in NAMES]


@contextmanager
def uncompiled_breeding():
    """Give modules of breeding and linking that know no numba, as long as this lasts."""
    names = {*COMPILED, "neatfool.compiling", "numba"}
    kept = {name: sys.modules.pop(name) for name in names & {*sys.modules}}
    attributes = [
        (package, name, vars(package).pop(name))
        for package, name in (
            *((cppn, name) for name in NAMES),
            (neatfool, "compiling"),
        )
        if name in vars(package)
    ]
    sys.modules["numba"] = None
    try:
        with np.errstate(over="ignore"):
            modules = [importlib.import_module(name) for name in COMPILED]
            yield SimpleNamespace(**dict(zip(NAMES, modules, strict=True)))
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
        for package, name, value in attributes:
            setattr(package, name, value)


def view(modules, genome):
    """Give a genome as functions take a parent."""
    return modules.buffer.view_genome(np.frombuffer(bytearray(genome.flat), np.int64), 0)


def buffer_of(modules, *genomes, outputs=3):
    """Give a buffer with room for all genes of some genomes; it holds a copy of the first."""
    nodes = sum(len(genome.nodes) for genome in genomes) + 2
    connections = sum(len(genome.connections) for genome in genomes) + 4
    buffer = modules.buffer.make_buffer(4, outputs, nodes, connections)
    modules.buffer.copy_genome(view(modules, genomes[0]), buffer)
    return buffer


def genome_of_buffer(modules, buffer):
    """Give the genome in a buffer."""
    words = np.empty(2 + 6 * len(buffer.nodes) + 4 * len(buffer.connections), np.int64)
    end = modules.buffer.write_genome(buffer, 0, words)
    return cppn.Genome.read(words[:end].tobytes())
