"""The options of the target ``http``: those of both protocols, of which an experiment uses one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, model_validator

from .connection_options import ConnectionOptions, ServiceOptions
from .json_options import JsonOptions
from .texts import KEY_PLACE, has_place

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


_SHARED: Final = {*ServiceOptions.model_fields, *ConnectionOptions.model_fields}


class Options(ConnectionOptions, JsonOptions, OpenInferenceOptions):
    """Options of the target ``http``.

    Attributes:
        metered: Asking costs something: `bench` and `serve` refuse it before it connects.
    """

    metered: ClassVar[bool] = True

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = super().list_key_places()
        return [*places, "body"] if has_place(self.body, KEY_PLACE) else places

    @model_validator(mode="after")
    def _check_together(self) -> Options:
        self.check_connection()
        is_json = self.protocol == "json"
        other = OpenInferenceOptions if is_json else JsonOptions
        for name, field in other.model_fields.items():
            if name not in _SHARED and getattr(self, name) != field.default:
                raise ValueError(
                    f"{name} is not for protocol = {self.protocol}; leave it out, or change "
                    "protocol"
                )
        if is_json:
            self.check_json()
        else:
            self.check_open_inference()
        return self
