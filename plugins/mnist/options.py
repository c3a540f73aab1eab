"""Options of the target ``mnist``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, FilePath

from neatfool import ImageSpec

SPEC = ImageSpec(28, 28, 1, tuple("0123456789"), array="torch")
"""The images that a LeNet takes, white ink on black, and its classes."""


class Options(BaseModel, extra="forbid"):
    """Options of the target ``mnist``."""

    weights: FilePath | None = Field(
        None,
        description="a safetensors file of another LeNet's weights, as `neatfool mnist train` "
        "writes it. If left out, the packaged weights",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the network computes. `auto` takes the GPU if there is one"
    )

    def spec(self) -> ImageSpec:
        """Tell what the target takes, whatever its weights."""
        return SPEC
