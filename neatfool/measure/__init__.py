"""What authors of measures need beside findings: facts of runs, estimates, likeness, relations.

A measure is a function that takes runs and returns a :class:`neatfool.present.Finding`. A plugin
registers it (``neatfool_register_measures``), and neatfool makes its command, with ``--json``,
``--csv`` and ``--html``, and its name in :mod:`neatfool.analysis`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
