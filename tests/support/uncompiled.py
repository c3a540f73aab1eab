"""Breeding and linking as they are where numba does not work: the same functions, for tests."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

import neatfool
from neatfool import cppn

ROOMS = ("neatfool.cppn.breeding", "neatfool.cppn.tape", "neatfool.cppn.compiling")
NAMES = ("breeding", "attributes", "draft", "crossover")


@contextmanager
def uncompiled_breeding():
    """Give modules of breeding and linking that know no numba, as long as this lasts."""
    kept = {
        name: module
        for name, module in sys.modules.items()
        if name.startswith((*ROOMS, "neatfool.compiling")) or name == "numba"
    }
    attributes = [
        (package, name, vars(package)[name])
        for package, name in (
            *((cppn, name) for name in ("breeding", "tape", "compiling")),
            (neatfool, "compiling"),
        )
        if name in vars(package)
    ]
    for name in kept:
        del sys.modules[name]
    for package, name, _ in attributes:
        delattr(package, name)
    sys.modules["numba"] = None
    try:
        with np.errstate(over="ignore"):
            yield SimpleNamespace(
                **{name: importlib.import_module(f"{ROOMS[0]}.{name}") for name in NAMES},
                tape=importlib.import_module(ROOMS[1]),
            )
    finally:
        for name in [name for name in sys.modules if name.startswith(ROOMS)]:
            del sys.modules[name]
        sys.modules.pop("numba", None)
        sys.modules.update(kept)
        for package, name, value in attributes:
            setattr(package, name, value)


def view(modules, genome):
    """Give a genome as functions take a parent."""
    words = np.frombuffer(bytearray(genome.flat), np.int64)
    return modules.draft.view_genome(words, words.view(np.float64), 0)


def draft_of(modules, *genomes, seed=0):
    """Give a draft with room for all genes of some genomes; it is a copy of the first."""
    nodes = sum(len(genome.nodes) for genome in genomes) + 2
    edges = sum(len(genome.connections) for genome in genomes) + 4
    draft = modules.draft.make_draft(nodes, edges)
    draft.stream[0] = seed
    modules.draft.copy_genome(view(modules, genomes[0]), draft)
    return draft


def genome_of_draft(modules, draft):
    """Give a draft as a genome."""
    words = np.empty(2 + draft.nodes.size + draft.edges.size, np.int64)
    end = modules.draft.write_genome(draft, 0, words)
    return cppn.Genome.read(words[:end].tobytes())
