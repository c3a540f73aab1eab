"""The options of the Open Inference Protocol."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat

from ..client.options import ServiceOptions

Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class OpenInferenceOptions(ServiceOptions):
    """Which of a model's tensors are used, and how pixels are sent."""

    model_version: str | None = Field(
        None, min_length=1, description="the model's version. If left out, the server chooses"
    )
    datatype: Literal["auto", "UINT8", "FP32"] = Field(
        "auto",
        description="`UINT8` sends pixels as bytes, `FP32` as floats. `auto`: as the model says",
    )
    layout: Literal["auto", "NCHW", "NHWC"] = Field(
        "auto", description="the order of pixels. `auto`: what the model's shape shows"
    )
    input_name: str | None = Field(
        None,
        description="the input that takes images, where there are several or none is declared",
    )
    output_name: str | None = Field(
        None,
        description="the output that has the scores, where there are several and none is called "
        "`probabilities` or `logits`, or none is declared",
    )
    white: PositiveFloat = Field(
        1.0,
        description="for `FP32`: the number that a byte of 255 becomes: 1, or 255 where the "
        "model wants the bytes as floats",
    )
    mean: Numbers | None = Field(
        None,
        description="for `FP32`: what to subtract after that, one number for all channels or one "
        "for each",
    )
    std: Deviations | None = Field(
        None,
        description="for `FP32`: what to divide by after that, one number for all channels or "
        "one for each",
    )

    def check_open_inference(self) -> None:
        """Check that a model can be asked.

        Raises:
            ValueError: It cannot.
        """
        if self.model is None:
            raise ValueError("model is missing; give the model's name on the server")
        if urlsplit(self.url).query:
            raise ValueError("url has a ? in it; give the server's address only")
