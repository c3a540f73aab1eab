"""Say how much of RUN survives: moved, blurred, as JPEG, on a screen, at another size."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``survive``."""
    register("survive", f"{__name__}.measure:survive")
