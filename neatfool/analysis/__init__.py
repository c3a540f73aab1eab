"""Measures: functions from runs to findings.

Each takes runs, opened or as folders, and gives a :class:`~neatfool.present.Finding`, which shows
itself in a notebook. The commands of the same names do the same.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
