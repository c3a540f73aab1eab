"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

This is the paper's other way to make fooling images, which needs the network itself. For each class
an image starts as noise around a grey level. Each step follows the direction in which the class's
confidence grows fastest, and gives an image that is scored like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neatfool import ClassNames, ImageSpec, hookimpl

LARGEST_GENERATION: Final = 100_000
"""Candidates: all of a generation's images are in memory at once."""

SMALL_IMAGE: Final = 64 * 64
GRADIENTS_OF_SMALL, GRADIENTS_OF_LARGE = 64, 8
"""Images whose gradients are computed at once: their activations are all in memory."""

ALL_OFF: Final = {"decay": 0.0, "blur": 0.0, "blur_every": 1, "prune_small": 0.0, "prune_idle": 0.0}
PAPER: Final = {**ALL_OFF, "noise": 1.0}
PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "quick": {**ALL_OFF, "noise": 40.0, "steps": 100, "gain": 10.0, "late_gain": 2.0},
    "plain": {**PAPER, "steps": 500, "early": 0.02, "late": 0.1},
    "a": {**PAPER, "steps": 1500, "early": 0.03, "late": 0.02, "decay": 0.01},
    "b": {
        **PAPER, "steps": 1000, "early": 0.03, "late": 0.05, "decay": 0.001,
        "blur": 0.4, "blur_every": 2,
    },
    "c": {
        **PAPER, "steps": 1500, "early": 0.03, "late": 0.05, "decay": 0.001,
        "blur": 0.3, "prune_small": 20.0, "prune_idle": 20.0,
    },
}  # fmt: skip
"""``quick`` is neatfool's; the others are those of the paper's code."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``gradient``; what is absent the preset fills."""

    preset: Literal["quick", "plain", "a", "b", "c"] = "quick"
    """gives the values of the options that are left out: neatfool's `quick`, or one of the four
    ways of the paper's code"""
    classes: ClassNames = []
    """the classes to climb for, by name or index; `@FILE` stands for the lines of a file. If left
    out, all"""
    batch: PositiveInt = Field(64, le=LARGEST_GENERATION)
    """classes to climb for at once"""
    gradients_at_once: PositiveInt | None = None
    """images whose gradients one call of the target computes. Fewer need less memory. If left out,
    64, or 8 for images of more than 64 by 64 pixels"""
    steps: PositiveInt | None = None
    """the most steps for a class"""
    stop_at: float = Field(0.9999, gt=0, le=1)
    """a class is done at this confidence. 1: never"""
    start: list[float] = Field([128.0], min_length=1)
    """the grey level that images begin at, from 0 to 255, one for all channels or one for each.
    Best is the mean of the images that the network was trained with"""
    noise: NonNegativeFloat | None = None
    """the standard deviation, in grey levels, of the noise that is added to `start`"""
    gain: PositiveFloat | None = None
    """what a step aims to add to the class's log-odds while it is improbable. It takes the place of
    `early` and `late`"""
    late_gain: PositiveFloat | None = None
    """what a step aims to add to the log-odds when the class is nearly certain. If `gain` is given
    and this is not, as much as `gain`"""
    early: PositiveFloat | None = None
    """the most that a step aims to add to the class's confidence"""
    late: PositiveFloat | None = None
    """the most that a step aims at of what is missing to certainty: a part of it"""
    decay: float | None = Field(None, ge=0, lt=1)
    """the part of the difference from the start that each step takes back"""
    blur: NonNegativeFloat | None = None
    """the standard deviation of a blur, in pixels. 0: none"""
    blur_every: PositiveInt | None = None
    """steps from one blur to the next"""
    prune_small: float | None = Field(None, ge=0, lt=100)
    """the percentage of pixels that each step puts back to the start: those that differ least from
    it"""
    prune_idle: float | None = Field(None, ge=0, lt=100)
    """the percentage of pixels that each step puts back to the start: those that matter least to
    the class"""

    @model_validator(mode="after")
    def _filled_by_the_preset(self) -> Options:
        in_confidence = self.early is not None or self.late is not None
        in_odds = self.gain is not None or self.late_gain is not None
        if in_odds and in_confidence:
            raise ValueError("gain aims in log-odds, early and late in confidence; give either")
        if any(not 0 <= level <= 255 for level in self.start):
            raise ValueError(f"start = {self.start}: grey levels are in [0, 255]")
        values: dict[str, float | None] = dict(PRESETS[self.preset])
        if in_odds:
            values = {**values, "early": None, "late": None, "gain": 10.0, "late_gain": self.gain}
        elif in_confidence:
            values = {"early": 0.02, "late": 0.1, **values, "gain": None, "late_gain": None}
        for key, value in values.items():
            if getattr(self, key) is None:
                setattr(self, key, value)
        return self

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
