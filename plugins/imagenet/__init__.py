"""Target ``imagenet``: networks that were trained on ImageNet, alone or several together.

This module is what an experiment says of it, and names its classes; :mod:`.target` is what is
fooled. :mod:`neatfool.models` loads the networks.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from neatfool import Access, ExperimentError, ImageSpec, hookimpl
from neatfool.files import read_names
from neatfool.models import ClassifierFormat, ModelName, Outputs, find_format
from neatfool.network import DeviceName
from neatfool.wording import distinct_names

IMAGENET_CLASSES: Final = 1000


def _can_be_found(model: str) -> str:
    find_format(model, ClassifierFormat)
    return model


Model = Annotated[str, ModelName(), Access.LOADS, AfterValidator(_can_be_found)]
Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class Options(BaseModel, extra="forbid", protected_namespaces=(), use_attribute_docstrings=True):
    """Options of the target ``imagenet``."""

    model: Model | None = None
    """the network: `efficientnet-lite0`, `-lite1` or `-lite2`, `torchvision:NAME` or
    `torchvision:NAME/WEIGHTS`, `timm:NAME`, `timm:hf-hub:NAME`, `timm:local-dir:FOLDER`,
    `transformers:NAME`, `transformers:FOLDER`, or a file: `onnx:FILE`, `tflite:FILE`, `tfjs:FILE`,
    `keras:FILE`, `torchscript:FILE`, or `export:FILE`"""
    ensemble: list[Model] = []
    """several networks in place of `model`. The search fools the mean of their confidences"""
    weights: FilePath | None = None
    """other weights for the model: a safetensors file, or a state dict as `torch.save` writes it.
    Nothing in it is executed. It may have another number of classes"""
    class_names: FilePath | None = None
    """a file with a class name on each line, in the order of the network's outputs. If left out,
    the names that come with the model, or ImageNet's"""
    crops: Literal["one", "ten"] = "one"
    """`one`: the network sees the image as it is drawn. `ten`, as in the paper: a larger image is
    drawn, and confidences are the mean over ten parts of it (the corners, the centre, and their
    mirror images). It takes ten times as long"""
    size: PositiveInt | None = None
    """for a file: the side of its images in pixels, where the file does not say"""
    mean: Numbers | None = None
    """for a file: what to subtract from images in [0, 1], one number for all channels or one for
    each. If left out, ImageNet's mean; a file that takes whole numbers gets the bytes as they
    are"""
    std: Deviations | None = None
    """for a file: what to divide by after that. If left out, ImageNet's deviation"""
    output: str | None = None
    """for a file with several outputs: the name or number (from 0) of the one that holds the
    classes *(new in 0.2)*"""
    outputs: Outputs | None = None
    """what the network gives: `logits`, `probabilities`, or `multi_label` if classes do not exclude
    one another: each then has its own sigmoid. If left out, that is found out on a few images:
    `probabilities` if they sum to one, else logits *(new in 0.2)*"""
    gradients: bool = False
    """for `onnx:FILE`: let the search use gradients, as `learn` and the scheme `gradient` do. They
    come from a copy of the graph in PyTorch, which must first answer as the graph does; scores
    still come from onnxruntime. It needs `pip install 'neatfool[onnx-gradients]'` *(new in 0.2)*"""
    check_photographs: bool = True
    """whether each network must recognise a few photographs before the run"""
    device: DeviceName = "auto"
    """where the network computes: `auto` (the GPU if there is one), or PyTorch's name of a device:
    `cpu`, `cuda`, `cuda:1`"""

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if len(self.ensemble) == 1:
            raise ValueError("ensemble is one model; give several, or 'model' in its place")
        if self.ensemble and self.model:
            raise ValueError("gives both 'model' and 'ensemble'; keep one of the two")
        if self.outputs == "multi_label" and (self.ensemble or self.crops == "ten"):
            raise ValueError("multi_label is for one network: leave ensemble and crops out")
        if self.ensemble and self.weights:
            raise ValueError("weights are those of a 'model'; an 'ensemble' has its own")
        if not self.ensemble and self.model is None:
            self.model = "efficientnet-lite0"
        of_files = ("size", "mean", "std", "output")
        given = [name for name in of_files if getattr(self, name) is not None]
        if given and not any(find_format(model, ClassifierFormat).endings for model in self.models):
            raise ValueError(f"{given[0]} is for a file, such as onnx:FILE; leave it out")
        if self.gradients and not any(model.startswith("onnx:") for model in self.models):
            raise ValueError("gradients is for onnx:FILE; leave it out")
        return self

    def spec(self) -> ImageSpec | None:
        """Tell what the target takes, where no weights must be loaded to know it."""
        if self.model is None or self.weights or self.class_names:
            return None
        shown = find_format(self.model, ClassifierFormat).preprocessing(self.model)
        if shown is None:
            return None
        size = shown.uncropped if self.crops == "ten" else shown.size
        return ImageSpec(*size, shown.channels, imagenet_labels(), array="torch")

    @property
    def models(self) -> list[str]:
        """The names of all models."""
        return [self.model] if self.model else self.ensemble


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Give torchvision's names of ImageNet's 1000 classes, all different."""
    return distinct_names(read_names(Path(__file__).with_name("classes.txt")))


def labels_for(count: int, own: Sequence[str] | None) -> tuple[str, ...]:
    """Name classes: by their own names, ImageNet's, perhaps with the background, or numbers."""
    if own is not None and len(own) == count:
        return distinct_names(own)
    if count == IMAGENET_CLASSES:
        return imagenet_labels()
    if count == IMAGENET_CLASSES + 1:
        return ("background", *imagenet_labels())
    return tuple(str(number) for number in range(count))


def read_labels(path: Path, count: int) -> tuple[str, ...]:
    """Read the names of a network's classes, one on each line, in the order of its outputs."""
    try:
        names = read_names(path)
    except ValueError as error:
        raise ExperimentError(f"[target] class_names = {error}") from error
    if len(names) != count:
        raise ExperimentError(
            f"[target] class_names = {path}: holds {len(names)} names, but the network has {count} "
            "classes; write one name on each line, in the order of its outputs"
        )
    return distinct_names(names)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("imagenet", f"{__name__}.target:ImageNetTarget", options=Options)
