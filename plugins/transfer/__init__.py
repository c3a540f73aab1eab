"""Test which other networks a run's images fool."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``transfer``."""
    register("transfer", f"{__name__}.measure:transfer")
