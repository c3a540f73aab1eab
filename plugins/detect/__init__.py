"""Test which detectors (OOD) would reject a run's images."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``detect``."""
    register("detect", f"{__name__}.measure:detect")
