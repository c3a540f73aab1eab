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
        None, min_length=1, description="open-inference: its version; the server chooses if absent"
    )
    datatype: Literal["auto", "UINT8", "FP32"] = Field(
        "auto", description="open-inference: how pixels are sent; auto: what the model says"
    )
    layout: Literal["auto", "NCHW", "NHWC"] = Field(
        "auto", description="open-inference: the order of pixels; auto: by the model's shape"
    )
    input_name: str | None = Field(
        None,
        description="open-inference: the input that takes images, where there are several or "
        "none is declared",
    )
    output_name: str | None = Field(
        None,
        description="open-inference: the output with the scores, where there are several and none "
        "is called probabilities or logits, or none is declared",
    )
    white: PositiveFloat = Field(
        1.0, description="FP32: the number that a byte of 255 becomes: 1, or 255 for the bytes"
    )
    mean: Numbers | None = Field(
        None, description="FP32: what to subtract after that, for all channels or each"
    )
    std: Deviations | None = Field(None, description="FP32: what to divide by after that")

    def check_open_inference(self) -> None:
        """Check that a model can be asked.

        Raises:
            ValueError: It cannot.
        """
        if self.model is None:
            raise ValueError("model is missing; give the model's name on the server")
        if urlsplit(self.url).query:
            raise ValueError("url has a ? in it; give the server's address only")
