"""Target ``clip``: a network that compares images with texts, so that classes are texts.

This module is what an experiment says of it, and :mod:`.target` is what is fooled.
:mod:`neatfool.models` loads the network that looks at images.
"""

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from neatfool import Access, ClassNames, hookimpl
from neatfool.models import ModelName, TowerFormat, find_format
from neatfool.network import DeviceName

_BLANK = "{}"

Three = Annotated[list[float], Field(min_length=3, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=3, max_length=3)]


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the target ``clip``."""

    images: Annotated[str, ModelName(), Access.LOADS]
    """the network that looks at images: `open_clip:NAME/WEIGHTS`, `open_clip:hf-hub:OWNER/NAME`,
    `open_clip:local-dir:FOLDER`, or `onnx:FILE`"""
    texts: ClassNames = []
    """the texts, each a class: one a line, or `@FILE` for the lines of a file. With `vectors`, the
    names of those to use; if left out, all"""
    templates: ClassNames = [_BLANK]
    """sentences with `{}` in the text's place, one a line, or `@FILE`: `a photo of a {}.` A text's
    vector is the mean over the sentences"""
    vectors: FilePath | None = None
    """a file with the texts' vectors, ready made, in place of a network that reads texts:
    `.safetensors` with a tensor for each text, or `.npy` with a row for each"""
    vector_names: FilePath | None = None
    """a file with the names of the vectors in an `.npy` file, one a line, in the order of its
    rows"""
    against: ClassNames = []
    """other texts, which compete with `texts` and are no classes: an image must resemble its text
    more than these, too"""
    temperature: PositiveFloat | None = None
    """what similarities are divided by before the softmax. If left out, what the network has
    learnt; for `onnx` 0.01, as CLIP"""
    size: PositiveInt | None = None
    """for `onnx`: the side of its images in pixels, where the file does not say"""
    mean: Three | None = None
    """for `onnx`: what to subtract from images in [0, 1], a number for each channel. If left out,
    CLIP's mean"""
    std: Deviations | None = None
    """for `onnx`: what to divide by after that. If left out, CLIP's deviation"""
    check_photographs: bool = True
    """whether it must recognise a few photographs before the run"""
    device: DeviceName = "auto"
    """where the network computes: `auto` (the GPU if there is one), or PyTorch's name of a device:
    `cpu`, `cuda`, `cuda:1`"""

    @field_validator("images")
    @classmethod
    def _has_a_known_kind(cls, images: str) -> str:
        find_format(images, TowerFormat)
        return images

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for template in self.templates:
            if _BLANK not in template:
                raise ValueError(f"templates: {template!r} has no place for the text; write {{}}")
        for key, texts in (("texts", self.texts), ("against", self.against)):
            for text in texts:
                if texts.count(text) > 1:
                    raise ValueError(f"{key}: has {text!r} twice; keep one of them")
        if both := {*self.texts} & {*self.against}:
            raise ValueError(f"{min(both)!r} is in 'texts' and in 'against'; keep it in one")
        if self.vectors is None:
            self._check_prompts()
        elif self.templates != [_BLANK]:
            raise ValueError("templates are for texts; 'vectors' are ready made: keep one of both")
        given = [name for name in ("size", "mean", "std") if getattr(self, name) is not None]
        if given and not self.is_onnx:
            raise ValueError(f"{given[0]} is for onnx:FILE; leave it out")
        return self

    def _check_prompts(self) -> None:
        if self.is_onnx:
            raise ValueError("an ONNX file cannot read texts; give their vectors: vectors = FILE")
        if self.vector_names is not None:
            raise ValueError("vector_names belong to vectors = FILE; give it, or leave both out")
        if not self.texts:
            raise ValueError("there are no texts; give some, one a line: texts = a cat")
        if len(self.texts) + len(self.against) < 2:
            raise ValueError("one text has nothing to compete with; give several, or 'against'")

    @property
    def is_onnx(self) -> bool:
        """Whether the network is in an ONNX file."""
        return self.images.startswith("onnx:")


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("clip", f"{__name__}.target:ClipTarget", options=Options)
