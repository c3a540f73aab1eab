"""This process: its cores, what makes it fast, and what its libraries read when they are imported.

Matplotlib and numba look for settings in the working folder, which may be a stranger's, before
anywhere else, and have no option against it.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Final

THRESHOLDS: Final = (100_000, 20, 20)
"""The arguments of ``gc.set_threshold``; Python's own are 700, 10 and 10."""

FILES: Final = {"matplotlib": "matplotlibrc", "numba.core.config": ".numba_config.yaml"}
"""The modules that look there when they are imported, and for which file."""

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_ARENA_MAX: Final = -8


def usable_cores() -> int:
    """Count the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Collect less often inside the block, in all threads.

    A generation makes tens of thousands of genes without cycles. They make the collector run, which
    searches all objects of torch: in large generations that took half of the time.
    """
    before = gc.get_threshold()
    # Zero turns the collector off.
    gc.set_threshold(
        *(own and max(own, ours) for own, ours in zip(before, THRESHOLDS, strict=True))
    )
    try:
        yield
    finally:
        gc.set_threshold(*before)


def tune_process() -> None:
    """Make scoring on a CPU faster in this process, from now on; the command does it by itself.

    Nothing else in neatfool changes the process that imports it. Call this once, before torch is
    imported:

    - Freed memory is kept (glibc's ``mallopt``): a large network on a CPU takes half the time.
    - OpenMP's threads do not spin while they wait, unless the environment variable
      ``OMP_WAIT_POLICY`` says otherwise: beside other programs, calls take less than half of the
      processor time.

    The scores stay the same.
    """
    # OpenMP reads this when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()


@cache
def keep_freed_memory() -> bool:
    """Make malloc keep freed memory from now on; False if it is not glibc's, and will not.

    By default it gives freed arrays back and asks for them again a moment later. Zeroing the pages
    takes two to five times as long as the network. Other threads' arenas ignore the thresholds.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    trim, pad = (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26)
    return all(mallopt(*each) for each in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), trim, pad))


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
