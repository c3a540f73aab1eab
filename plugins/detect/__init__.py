"""Say what out-of-distribution (OOD) detectors would have caught of RUN."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``detect``."""
    register("detect", f"{__name__}.measure:detect")
