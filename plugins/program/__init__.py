"""Target ``program``: any program that is given an image's file and prints what it shows.

This module is what an experiment says of it; :mod:`.target` runs the program, and
:mod:`.output` reads what it prints.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, DirectoryPath, Field, PositiveFloat, PositiveInt, model_validator

from neatfool import Access, ClassNames, ImageSpec, hookimpl

IMAGE: Final = "{image}"
IMAGES: Final = "{images}"


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the target ``program``."""

    command: Annotated[list[str], Access.RUNS_CODE, Field(min_length=1)]
    """the program and its arguments, as a JSON list or separated by commas. `{image}` stands for
    the file of an image, a PNG, and `{images}` for several files, each an argument. No shell reads
    it"""
    classes: ClassNames
    """all classes, or `@FILE` with one on each line"""
    height: PositiveInt
    """the height of images in pixels"""
    width: PositiveInt
    """the width of images in pixels"""
    channels: int = 3
    """1 (grey) or 3 (coloured)"""
    parser: Literal["json", "text"] = "json"
    """how the scores are read. `json`: the program prints an object `{"cat": 0.7}`, in which a
    class that is missing has 0, or a list with a number for each class; with `{images}`, a list of
    those, or one on each line. `text`: it prints text, and a class scores how near its name is,
    from 0 to 1"""
    scores_are: Literal["probabilities", "logits", "numbers"] = "probabilities"
    """for `json`: what the numbers are. `numbers`: any real ones, of which larger ones are better;
    the target is then an objective, and `classes` are its niches"""
    sums_to_one: bool = False
    """whether classes exclude one another, so that the probabilities of an image sum to one.
    Answers that do not are then refused, and logits go through a softmax, in place of a sigmoid
    each"""
    folder: DirectoryPath | None = None
    """the folder that the program works in, from which relative paths in `command` start; if left
    out, the one that neatfool was called in"""
    concurrency: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """how many processes run side by side; `auto`: one for each core"""
    timeout: PositiveFloat = Field(30.0, le=3600)
    """the seconds after which a process is killed. Its images count as not scored"""

    @property
    def takes_many(self) -> bool:
        """Whether a process gets several images."""
        return IMAGES in self.command

    def spec(self) -> ImageSpec:
        """Give the images that are written, and the classes that are read."""
        given = self.height, self.width, self.channels, tuple(self.classes)
        if self.scores_are == "numbers":
            return ImageSpec(*given, kind="objective")
        return ImageSpec(*given, sums_to_one=self.sums_to_one)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        places = sum(IMAGE in each for each in self.command) + self.command.count(IMAGES)
        _refuse(
            places != 1, f"command names {IMAGE}, or {IMAGES} as an argument, once; not so here"
        )
        _refuse(places and IMAGE in self.command[0], "command begins with the program")
        if self.parser == "text":
            words = f"parser = text reads one image; write {IMAGE} for {IMAGES}"
            _refuse(self.takes_many, words)
            words = "scores_are is for parser = json; leave it out"
            _refuse("scores_are" in self.model_fields_set, words)
        _refuse(len({*self.classes}) < len(self.classes), "classes has a name twice; leave one out")
        self.spec()
        return self

    def arguments(self, files: Sequence[str]) -> list[str]:
        """Write the command with the images' files in it."""
        filled = [[*files] if each == IMAGES else [each] for each in self.command]
        return [each.replace(IMAGE, files[0]) for part in filled for each in part]


def _refuse(wrong: object, words: str) -> None:
    if wrong:
        raise ValueError(words)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Offer the target."""
    register("program", f"{__name__}.target:ProgramTarget", options=Options)
