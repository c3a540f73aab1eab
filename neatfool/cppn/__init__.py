"""CPPNs: images as networks of simple functions, evolved with neat-python's genomes.

A genome (:class:`Genome`) is neat-python's, with historical markings that depend on content alone.
A preset (``PRESETS``) and neat-python's keys (:class:`GenomeOptions`) make its configuration
(:func:`resolve`, :func:`genome_config`), by which a :class:`Breeder` makes and breeds genomes. A
batch of them is compiled into a program (:func:`compile_genomes`), or into a tape for the compiled
renderer (:func:`compile_tape`), and rendered at any size (:func:`render`). A genome is written as
JSON (:func:`dumps`, :func:`loads`) and made of a graph (:func:`from_graph`). Networks of other
programs are read and written (:func:`read`, :func:`write`).

The modules, in the order of NEAT: ``genome`` has genes, presets and neat-python's configuration,
``activations`` what a node computes, ``mutation`` all mutation operators, ``crossover`` crossover
and grafts, ``tape`` and ``program`` what renderers take, and ``draw`` the renderers. ``breeding``
applies mutation and crossover to a batch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
