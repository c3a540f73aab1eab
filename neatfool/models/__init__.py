"""Readers of models: kinds of models that an experiment names, as in ``onnx:FILE``.

:func:`load_classifier` and :func:`load_tower` load a network by its name, whatever reads it. A
plugin adds a kind with a :class:`ClassifierFormat` or :class:`TowerFormat`, and registers it by
``neatfool_register_models``. What another library than torch computes becomes a
:class:`FileModule`. A :class:`Classifier` or :class:`Tower`, with its :class:`Preprocessing`, is
what a reader gives.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
