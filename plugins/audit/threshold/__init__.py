"""Find from which confidence on to believe a model, as code to paste."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``threshold``."""
    register("threshold", f"{__name__}.measure:threshold")
