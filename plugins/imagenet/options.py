"""Options of the target ``imagenet``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, field_validator, model_validator

from neatfool import PathAfter

if TYPE_CHECKING:
    from neatfool import ImageSpec

DEFAULT_MODEL = "efficientnet-lite0"

Model = Annotated[str, PathAfter("onnx:"), PathAfter("timm:local-dir:")]
Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class Options(BaseModel, extra="forbid", protected_namespaces=()):
    """Options of the target ``imagenet``."""

    model: Model | None = Field(
        None,
        description="efficientnet-lite0, -lite1 or -lite2, torchvision:NAME or "
        "torchvision:NAME/WEIGHTS, timm:NAME, timm:hf-hub:NAME, timm:local-dir:FOLDER, or "
        f"onnx:FILE; {DEFAULT_MODEL} if absent and there is no ensemble",
    )
    ensemble: list[Model] = Field(
        [], description="in place of model: several, of whose confidences the mean is fooled"
    )
    weights: Path | None = Field(
        None,
        description="safetensors file, or state dict as torch.save writes it, of other weights for "
        "the model",
    )
    class_names: Path | None = Field(
        None, description="file with a class name a line; the names that come with the model, or "
        "ImageNet's, if absent"
    )  # fmt: skip
    crops: Literal["one", "ten"] = Field(
        "one",
        description="one: the image as it is drawn; ten: the mean of ten parts of a larger one: "
        "the corners, the centre, and their mirror images",
    )
    size: PositiveInt | None = Field(
        None, description="onnx: the side of its images in pixels; what the file says if absent"
    )
    mean: Numbers | None = Field(
        None, description="onnx: what to subtract from images in [0, 1], for all channels or each; "
        "ImageNet's mean if absent"
    )  # fmt: skip
    std: Deviations | None = Field(
        None, description="onnx: what to divide by after that; ImageNet's deviation if absent"
    )
    check_photographs: bool = Field(
        True, description="whether each network must recognise a few photographs before the run"
    )
    device: str = Field(
        "auto",
        description="where it computes: auto (all GPUs, if there are any), cpu, cuda, cuda:1",
    )

    @field_validator("model")
    @classmethod
    def _model_can_be_found(cls, model: str | None) -> str | None:
        if model is not None:
            from .models import check_name

            check_name(model)
        return model

    @field_validator("ensemble")
    @classmethod
    def _models_can_be_found(cls, ensemble: list[str]) -> list[str]:
        from .models import check_name

        for model in ensemble:
            check_name(model)
        if len(ensemble) == 1:
            raise ValueError("is one model; give several, or 'model' in place of 'ensemble'")
        return ensemble

    @model_validator(mode="after")
    def _one_or_several(self) -> Options:
        if self.ensemble and self.model:
            raise ValueError("gives both 'model' and 'ensemble'; keep one of the two")
        if self.ensemble and self.weights:
            raise ValueError("weights are those of a 'model'; an 'ensemble' has its own")
        if not self.ensemble and self.model is None:
            self.model = DEFAULT_MODEL
        given = [name for name in ("size", "mean", "std") if getattr(self, name) is not None]
        if given and not any(model.startswith("onnx:") for model in self.models):
            raise ValueError(
                f"{given[0]} is for onnx:FILE; other models say themselves what they take; leave "
                "it out"
            )
        return self

    def spec(self) -> ImageSpec | None:
        """Tell what the target takes, where no weights must be loaded to know it."""
        from .models import EFFICIENTNET_LITE

        if self.model not in EFFICIENTNET_LITE or self.weights or self.class_names:
            return None
        from .efficientnet_lite import spec_of

        return spec_of(self.model, ten=self.crops == "ten")

    @property
    def models(self) -> list[str]:
        """The names of all models."""
        return [self.model] if self.model else self.ensemble
