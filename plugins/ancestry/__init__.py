"""Say who descends from whom in RUN, and what that tells of the network."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``ancestry``."""
    register("ancestry", f"{__name__}.measure:ancestry")
