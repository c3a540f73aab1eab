"""Out-of-distribution (OOD) detectors.

:func:`ask_detectors` asks them about images. :func:`make_detector` makes one by its name. A plugin
adds one with a :class:`Detector`, and registers it by ``neatfool_register_detectors``. It looks at
the :class:`Answers` of an :class:`InspectedTarget`, and is fitted to images that
:func:`in_distribution` finds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
