"""neatfool shows how easily an image classifier is fooled.

The public names stand in ``__init__.pyi``; everything else may change. A name is imported when it
is first asked for, so that what is heavy is loaded only by those who need it.
"""

import os

import lazy_loader

# OpenMP reads this when torch is first imported. Threads that spin while they wait take the time
# of those that work: beside other programs, each call takes more than twice the processor time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.2.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
