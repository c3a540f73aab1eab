"""neatfool shows how easily an image classifier is fooled.

The public names stand in ``__init__.pyi``; everything else may change. A name is imported when it
is first asked for, so that what is heavy is loaded only by those who need it.
"""

import lazy_loader

__version__ = "0.2.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
