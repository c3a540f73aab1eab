"""CPPNs: images as networks of simple functions, evolved with neat-python's genomes.

A genome (:class:`Genome`) is neat-python's, with historical markings that depend on content alone.
A preset (``PRESETS``) and neat-python's keys (:class:`GenomeOptions`) make its configuration
(:func:`resolve`, :func:`genome_config`), by which a :class:`Breeder` makes and breeds genomes. A
batch of them is compiled into a program (:func:`compile_genomes`), or into a tape for the compiled
renderer (:func:`compile_tape`), and rendered at any size (:func:`render`). A genome is written as
JSON (:func:`dumps`, :func:`loads`) and given as a graph (:func:`to_graph`, :func:`from_graph`).
Other programs draw it as a module of PyTorch (:class:`Picture`), a model in ONNX (:func:`to_onnx`)
or a shader (:func:`to_glsl`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
