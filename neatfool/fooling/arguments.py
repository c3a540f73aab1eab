"""The arguments of :func:`neatfool.fool`, checked as an experiment's keys are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationInfo, field_validator, model_validator

from neatfool.experiment.framework import Calls, General
from neatfool.spec.image_spec import Outputs  # noqa: TC001 - pydantic reads it


class Arguments(General, Calls, extra="forbid"):
    """The model's images and classes, and the keys of ``[experiment]`` and ``[target]``."""

    image: list[int]
    classes: list[str]
    mean: list[float] | None
    std: list[float] | None
    outputs: Outputs | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_arrays(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: _plain(value) for name, value in given.items()}

    @field_validator("image", mode="before")
    @classmethod
    def _three(cls, image: Any) -> Any:
        if not isinstance(image, list) or len(image) != 3:
            raise ValueError(f"must be (channels, height, width), not {image!r}")
        if any(isinstance(size, int) and size < 1 for size in image):
            raise ValueError(f"must be (channels, height, width), each 1 or more, not {image!r}")
        return image

    @field_validator("classes", mode="before")
    @classmethod
    def _named(cls, classes: Any) -> list[str]:
        if isinstance(classes, int) and not isinstance(classes, bool) and classes > 0:
            return [str(number) for number in range(classes)]
        if not isinstance(classes, list):  # pydantic reports only a ValueError
            raise ValueError(  # noqa: TRY004
                f"must be the names of the classes, or their number, not {classes!r}"
            )
        for index, name in enumerate(classes):
            if not str(name).strip():
                raise ValueError(f"item {index + 1} is empty; give each class a name")
        return [str(name) for name in classes]

    @field_validator("nothing", mode="before")
    @classmethod
    def _by_name(cls, nothing: Any) -> Any:
        listed = [nothing] if isinstance(nothing, str | int) else nothing
        return [str(name) for name in listed] if isinstance(listed, list) else listed

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _listed(cls, numbers: Any) -> Any:
        return [numbers] if isinstance(numbers, int | float) else numbers

    @field_validator("mean", "std")
    @classmethod
    def _fit_for_the_image(
        cls, numbers: list[float] | None, info: ValidationInfo
    ) -> list[float] | None:
        if numbers is None or "image" not in info.data:
            return numbers
        channels = info.data["image"][0]
        if len(numbers) not in {1, channels}:
            raise ValueError(
                f"must be one number for all channels, or one each ({channels} here), not "
                f"{len(numbers)}"
            )
        for number in numbers:
            if not 0 <= number <= 1 or (info.field_name == "std" and number == 0):
                least = "> 0" if info.field_name == "std" else ">= 0"
                raise ValueError(
                    f"must be {least} and <= 1, not {number:g}: it is for images in [0, 1]. Divide "
                    "a number for bytes by 255"
                )
        return numbers


def _plain(value: Any) -> Any:
    """Turn tuples, arrays and tensors into lists and numbers."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [_plain(each) for each in value]
    return value
