"""The arguments of :func:`neatfool.fool`, checked as an experiment's keys are."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator

from neatfool.experiment.framework import Calls, General
from neatfool.spec.image_spec import Outputs


class More(TypedDict, total=False):
    """The arguments of :func:`neatfool.fool` that are rarely needed; its docstring tells them."""

    nothing: Sequence[str | int] | str | None
    generations: int | None
    scheme: str
    encoding: str
    scheme_options: Mapping[str, Any] | None
    encoding_options: Mapping[str, Any] | None
    views: Mapping[str, Any] | None
    plugins: str | Path | Sequence[str | Path]
    mean: Sequence[float] | float | None
    std: Sequence[float] | float | None
    outputs: Outputs | None
    threshold: float | Mapping[str, float] | None
    logit_temperature: float
    device: str
    name: str | None
    resume_run: bool
    overwrite: bool
    batch_size: int | None
    precision: str
    max_queries: int | None
    max_requests: int | None
    progress: bool


class Arguments(General, Calls, extra="forbid"):
    """All arguments but the model and the folder."""

    image: list[PositiveInt] = Field(min_length=3, max_length=3)
    classes: list[str]
    scheme: Any = "map_elites"
    encoding: Any = "cppn"
    scheme_options: Any = None
    encoding_options: Any = None
    views: Any = None
    plugins: Any = ()
    mean: list[float] | None = None
    std: list[float] | None = None
    outputs: Outputs | None = None
    device: Any = "auto"
    resume_run: bool = False
    overwrite: bool = False
    progress: bool = True

    @model_validator(mode="before")
    @classmethod
    def _without_arrays(cls, given: dict[str, Any]) -> dict[str, Any]:
        # A batch size of None is chosen, as one that is absent.
        kept = {k: v for k, v in given.items() if k != "batch_size" or v is not None}
        return {name: _plain(value) for name, value in kept.items()}

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
