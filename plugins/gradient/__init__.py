"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

This is the paper's other way to make fooling images, which needs the network itself. For each class
an image starts as noise around a grey level. Each step follows the direction in which the class's
confidence grows fastest, and gives an image that is scored like any other.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from neatfool import ClassNames, ImageSpec, hookimpl

LARGEST_GENERATION: Final = 100_000
"""Candidates: all of a generation's images are in memory at once."""

SMALL_IMAGE: Final = 64 * 64
GRADIENTS_OF_SMALL, GRADIENTS_OF_LARGE = 64, 8
"""Images whose gradients are computed at once: their activations are all in memory."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``gradient``."""

    classes: ClassNames = []
    """the classes to climb for, by name or index; `@FILE` stands for the lines of a file. If left
    out, all"""
    batch: PositiveInt = Field(64, le=LARGEST_GENERATION)
    """classes to climb for at once"""
    gradients_at_once: PositiveInt | None = None
    """images whose gradients one call of the target computes. Fewer need less memory. If left out,
    64, or 8 for images of more than 64 by 64 pixels"""
    steps: PositiveInt = 100
    """the most steps for a class"""
    stop_at: float = Field(0.9999, gt=0, le=1)
    """a class is done at this confidence. 1: never"""
    start: list[Annotated[float, Field(ge=0, le=255)]] = Field([128.0], min_length=1)
    """the grey level that images begin at, from 0 to 255, one for all channels or one for each.
    Best is the mean of the images that the network was trained with"""
    noise: NonNegativeFloat = 40.0
    """the standard deviation, in grey levels, of the noise that is added to `start`"""
    gain: PositiveFloat = 10.0
    """what a step aims to add to the class's log-odds while it is improbable"""
    late_gain: PositiveFloat = 2.0
    """what a step aims to add to the log-odds when the class is nearly certain"""

    def absent(self, spec: ImageSpec | None) -> dict[str, Any]:
        """Say what gradients_at_once stands for where it is left out."""
        if spec is None:
            return {}
        small = spec.height * spec.width <= SMALL_IMAGE
        return {"gradients_at_once": GRADIENTS_OF_SMALL if small else GRADIENTS_OF_LARGE}


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("gradient", f"{__name__}.scheme:Gradient", options=Options)
