"""Compare groups of runs, and test whether they differ."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``compare``."""
    register("compare", f"{__name__}.measure:compare")
