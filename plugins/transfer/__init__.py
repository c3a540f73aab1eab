"""Say which images of RUN fool which networks: the runs' own, and those of --to."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``transfer``."""
    register("transfer", f"{__name__}.measure:transfer")
