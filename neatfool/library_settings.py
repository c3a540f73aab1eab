"""Keeps libraries from reading settings in the working folder, which may be a stranger's.

Matplotlib and numba look there before anywhere else, and have no option against it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

FILES: Final = {"matplotlib": "matplotlibrc", "numba.core.config": ".numba_config.yaml"}
"""The modules that look there when they are imported, and for which file."""


@cache
def ignore_working_folder() -> None:
    """Import matplotlib and numba, from now on, as if no settings lay in the working folder.

    The user's own settings elsewhere still count, and so do environment variables.
    """
    sys.meta_path.insert(0, _GuardedFinder())


class _GuardedFinder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in FILES or (spec := PathFinder.find_spec(name, path, target)) is None:
            return None
        loader = spec.loader
        loader.exec_module = partial(_import_guarded, loader.exec_module)  # type: ignore
        return spec


def _import_guarded(run: Callable[[ModuleType], None], module: ModuleType) -> None:
    # Another working folder for this time would be one for all threads.
    exists = os.path.exists
    os.path.exists = lambda path: path not in FILES.values() and exists(path)
    try:
        run(module)
    finally:
        os.path.exists = exists
    if hasattr(module, "_config_fname"):  # numba looks for it again whenever it compiles
        setattr(module, "_config_fname", "")  # noqa: B010 - mypy knows no attributes of a module
