"""Find the parts of images that carry the confidence."""

from neatfool import Register, hookimpl


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``ablate``."""
    register("ablate", f"{__name__}.measure:ablate")
