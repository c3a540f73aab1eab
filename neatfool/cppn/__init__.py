"""CPPNs: images as networks of simple functions, evolved with neat-python's genomes.

A genome (:class:`Genome`) is neat-python's, with historical markings that depend on content alone.
A preset (``PRESETS``) and neat-python's keys (:class:`GenomeOptions`) make its configuration
(:func:`resolve`, :func:`genome_config`), by which a :class:`Breeder` makes and breeds genomes. A
batch of them is compiled into a program (:func:`compile_genomes`), or into a tape for the compiled
renderer (:func:`compile_tape`), and rendered at any size (:func:`render`). A genome is written as
JSON (:func:`dumps`, :func:`loads`) and given as a graph (:func:`to_graph`, :func:`from_graph`).
"""

from __future__ import annotations

from neatfool.cppn.breeding.breeding import Breeder
from neatfool.cppn.breeding.refinements import Refinements
from neatfool.cppn.compiled.renderer import has_numba, load_compiled
from neatfool.cppn.compiled.tape import Tape, compile_tape
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.cppn.functions.colour import COLOUR_MAPS, ColourMap
from neatfool.cppn.genome.genes import ConnectionGene, NodeGene
from neatfool.cppn.genome.genome import Genome, GenomeConfig
from neatfool.cppn.genome.graph import from_graph, to_graph
from neatfool.cppn.genome.options import GenomeOptions
from neatfool.cppn.genome.presets import PRESETS, Preset
from neatfool.cppn.genome.serial import dumps, loads
from neatfool.cppn.genome.settings import genome_config, resolve
from neatfool.cppn.parameters import Parameters
from neatfool.cppn.plain.program import Program, compile_genomes
from neatfool.cppn.render import evaluate, render, render_gradients
from neatfool.cppn.wiring import check_compilable

__all__ = [
    "ACTIVATIONS",
    "AGGREGATIONS",
    "COLOUR_MAPS",
    "PRESETS",
    "Breeder",
    "ColourMap",
    "ConnectionGene",
    "Genome",
    "GenomeConfig",
    "GenomeOptions",
    "NodeGene",
    "Parameters",
    "Preset",
    "Program",
    "Refinements",
    "Tape",
    "check_compilable",
    "compile_genomes",
    "compile_tape",
    "dumps",
    "evaluate",
    "from_graph",
    "genome_config",
    "has_numba",
    "load_compiled",
    "loads",
    "render",
    "render_gradients",
    "resolve",
    "to_graph",
]
