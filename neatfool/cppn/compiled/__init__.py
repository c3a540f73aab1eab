"""The renderer in machine code, for CPUs."""

from neatfool import compiling  # noqa: F401 - imports numba as it should be imported
