"""Options of learning: how much of a search's images it takes, and how large its steps are."""

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class LearningOptions(BaseModel, use_attribute_docstrings=True):
    """Options for a scheme's model to inherit; see :class:`~neatfool.Learner`."""

    learn: float = Field(0.0, ge=0, le=0.9)
    """the share of the images to spend on learning. 0: none"""
    learn_steps: PositiveInt = Field(8, le=1000)
    """steps for each elite that is learnt on"""
    learn_rate: PositiveFloat = 0.3
    """by how many grey levels, about, a step changes the image through each weight"""
    learn_after: NonNegativeFloat = 8.0
    """images for each class to breed before there is any learning: with 1000 classes 8,000"""
    learn_at_once: PositiveInt = Field(4, le=1024)
    """genomes whose gradients one call of the target computes. Fewer need less memory"""
