"""The options of learning, which any scheme may have among its own."""

from __future__ import annotations

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class LearningOptions(BaseModel):
    """Options for a scheme's model to inherit; see :class:`~neatfool.Learner`."""

    learn: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="the share of the images to spend on learning. 0: none",
    )
    learn_steps: PositiveInt = Field(
        8, le=1000, description="steps for each elite that is learnt on"
    )
    learn_rate: PositiveFloat = Field(
        0.3,
        description="by how many grey levels, about, a step changes the image through each weight",
    )
    learn_after: NonNegativeFloat = Field(
        8.0,
        description="images for each class to breed before there is any learning: with 1000 "
        "classes 8,000",
    )
    learn_at_once: PositiveInt = Field(
        4,
        le=1024,
        description="genomes whose gradients one call of the target computes. Fewer need less "
        "memory",
    )
