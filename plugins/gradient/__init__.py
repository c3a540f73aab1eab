"""Scheme ``gradient``: climb the gradient of the target's confidence, pixel by pixel.

This is the paper's other way to make fooling images, which needs the network itself. For each class
an image starts as noise around a grey level. Each step follows the direction in which the class's
confidence grows fastest, and gives an image that is scored like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveInt, model_validator

from neatfool import ClassNames, hookimpl

LARGEST_GENERATION: Final = 100_000
"""Candidates: all of a generation's images are in memory at once."""


@dataclass(frozen=True)
class StepRule:
    """How far a climb goes, and what a step does; what is None or 0 it leaves out.

    Attributes:
        steps: The most steps for a class.
        noise: The deviation of the noise that an image begins with, in grey levels.
        gain: What a step aims to add to the class's log-odds while it is improbable,
        late_gain: and when it is nearly certain.
        early: In their place: the most that a step aims to add to the class's confidence,
        late: and the largest part of what is missing to certainty that it aims at.
        decay: The part of the difference from the start that a step takes back.
        blur: The deviation of a blur, in pixels.
        blur_every: Steps from one blur to the next.
        prune_small: The percentage of pixels that a step puts back to the start: those that differ
            least from it,
        prune_idle: and those that matter least to the class.
    """

    steps: int
    noise: float = 1.0
    gain: float | None = None
    late_gain: float | None = None
    early: float = 0.02
    late: float = 0.1
    decay: float = 0.0
    blur: float = 0.0
    blur_every: int = 1
    prune_small: float = 0.0
    prune_idle: float = 0.0


PRESETS: Final[Mapping[str, StepRule]] = {
    "quick": StepRule(100, 40.0, gain=10.0, late_gain=2.0),
    "plain": StepRule(500),
    "a": StepRule(1500, early=0.03, late=0.02, decay=0.01),
    "b": StepRule(1000, early=0.03, late=0.05, decay=0.001, blur=0.4, blur_every=2),
    "c": StepRule(
        1500, early=0.03, late=0.05, decay=0.001, blur=0.3, prune_small=20.0, prune_idle=20.0
    ),
}
"""``quick`` is neatfool's; the others are those of the paper's code."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the scheme ``gradient``; the preset fills ``steps`` and ``noise``."""

    preset: Literal["quick", "plain", "a", "b", "c"] = "quick"
    """how far a step goes: neatfool's `quick`, or one of the four ways of the paper's code"""
    classes: ClassNames = []
    """the classes to climb for, by name or index; `@FILE` stands for the lines of a file. If left
    out, all"""
    batch: PositiveInt = Field(64, le=LARGEST_GENERATION)
    """classes to climb for at once"""
    steps: PositiveInt | None = None
    """the most steps for a class. If left out, as the preset says"""
    stop_at: float = Field(0.9999, gt=0, le=1)
    """a class is done at this confidence. 1: never"""
    start: list[float] = Field([128.0], min_length=1)
    """the grey level that images begin at, from 0 to 255, one for all channels or one for each.
    Best is the mean of the images that the network was trained with"""
    noise: NonNegativeFloat | None = None
    """the standard deviation, in grey levels, of the noise that is added to `start`. If left out,
    as the preset says"""

    @model_validator(mode="after")
    def _filled_by_the_preset(self) -> Options:
        if any(not 0 <= level <= 255 for level in self.start):
            raise ValueError(f"start = {self.start}: grey levels are in [0, 255]")
        if self.steps is None:
            self.steps = PRESETS[self.preset].steps
        if self.noise is None:
            self.noise = PRESETS[self.preset].noise
        return self


@hookimpl
def neatfool_register_schemes(register: Any) -> None:
    """Register the scheme."""
    register("gradient", f"{__name__}.scheme:Gradient", options=Options)
