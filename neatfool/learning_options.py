"""The options of learning, which any scheme may have among its own."""

from __future__ import annotations

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt


class LearningOptions(BaseModel):
    """Options for a scheme's model to inherit; see :class:`~neatfool.Learner`."""

    learn: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="the share of the images that is spent on learning: on improving elites' "
        "weights by the target's gradients. 0: none",
    )
    learn_steps: PositiveInt = Field(
        20, le=1000, description="steps a time that an elite is learnt on"
    )
    learn_rate: PositiveFloat = Field(
        0.02, description="how far a step moves a weight, about, at the beginning"
    )
    learn_at_once: PositiveInt = Field(
        4,
        le=1024,
        description="elites whose gradients are computed in one call of the target; fewer need "
        "less memory",
    )
