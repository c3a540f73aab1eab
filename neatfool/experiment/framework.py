"""The framework's keys: length, calls, views; and the classes that keys name."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from neatfool.config.ini import ConfigSection, Problems
from neatfool.config.options import ClassNames, named_classes, read_options
from neatfool.errors import ExperimentError, option
from neatfool.experiment.plugin_choice import PluginChoice
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.target import Budget
from neatfool.wording import counted

LENGTHS: Final = ("generations", "images")
FRAMEWORK_SECTIONS: Final = (
    "experiment", "plugins", "target", "views", "encoding", "scheme", "engine", "about",
)  # fmt: skip
Confidence: TypeAlias = Annotated[float, Field(ge=0, le=1)]
_UNSAFE: Final = re.compile(r"[^\w.+-]+")

_NOTHING: Final = re.compile(
    "background( google)?|none( of .+)?|nothing|others?|unknown|no (finding|object)s?|not .+"
    "|fooling"
)
"""Names of classes that mean that nothing is there: in small letters, with spaces between words.
Caltech calls its clutter ``BACKGROUND_Google``, and a retrained network has a class ``fooling``."""
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")


_Length: TypeAlias = Annotated[int, Field(gt=0, le=10**12)]


class GeneralSettings(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Section ``[experiment]``: the run's name, its length and its seed."""

    name: str | None = None
    """names the run and its folder, `runs/NAME-SEED`: letters, figures and `.` `_` `+` `-`. If left
    out, the file's name"""
    generations: _Length | None = None
    """the run's length in generations; give this or `images`"""
    images: _Length | None = None
    """the run's length in scored images; give this or `generations`"""
    seed: int = Field(1, ge=0, lt=2**63)
    """where all chance comes from: the same seed gives the same run"""
    description: str | None = None
    """what the report says of the run, in place of the comment that the file begins with (new in
    0.2)"""

    @property
    def length(self) -> str:
        """The run's length in words."""
        if self.images is not None:
            return counted(self.images, "image", "images")
        return counted(self.generations or 0, "generation", "generations")

    def reached(self, generations: int, images: int) -> bool:
        """Say whether so many generations and images are the whole length, or more."""
        return generations >= (self.generations or math.inf) or images >= (self.images or math.inf)

    @field_validator("name")
    @classmethod
    def _fit_for_a_folder(cls, name: str | None) -> str | None:
        if name is not None and name != safe_name(name):
            advice = f"use letters, figures and . _ + - only, for example {safe_name(name)!r}"
            raise ValueError(f"{name!r} cannot name a folder; {advice}")
        return name

    @field_validator("images")
    @classmethod
    def _one_length(cls, images: int | None, info: ValidationInfo) -> int | None:
        if images is not None and info.data.get("generations") is not None:
            raise ValueError("both 'images' and 'generations' are given; keep one of the two")
        return images


class PluginSources(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Section ``[plugins]``: what to load beside the plugins that are installed."""

    path: list[Path] = []
    """plugins in files: a Python file, a package, or a folder of modules"""
    observers: list[str] = []
    """installed observers to tell of the run, by name"""


class CallSettings(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Section ``[target]``: how any target is called. Its other keys are the plugin's own."""

    batch_size: Annotated[int, Field(gt=0, le=65536)] | Literal["auto"] = "auto"
    """images in each call of the target that gives exact scores. `auto`: for networks on a CPU 2
    (16 where convolutions cannot be fused), or up to 32 where images are small; on a GPU up to 64;
    for other targets equal batches of at most 256, or of what the target says that it takes. Where
    memory runs out, batches are halved"""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`fp32` scores each image in single precision. `bf16` and `fp16` first screen each image in
    half precision, and score those that may matter again in single precision. `auto` screens where
    half precision is so much faster on this machine that it pays"""
    threads: Annotated[int, Field(gt=0, le=1024)] | Literal["auto"] = "auto"
    """cores that the target's networks use on a CPU, a call on each; it changes no score. `auto`:
    all that PyTorch uses"""
    graph: Literal["fused", "frozen", "eager"] = "fused"
    """how the target's network runs. `fused`: traced once, simplified, and on a CPU neighbouring
    operations become one; what cannot be fused, or is slower so, runs as `frozen`. `frozen`: traced
    and simplified only. `eager`: as its author wrote it"""
    nothing: ClassNames | None = None
    """the classes that mean that nothing is there, by name or index, such as `background`; `@FILE`
    stands for the lines of a file. They are not searched, unless the scheme's `classes` name them,
    and an image of which the target is surest that it shows one of them counts as rejected. If left
    out, they are guessed by their names (`background`, `none`, `other`, `unknown`, `no finding`,
    `not …`), and the run says so at its start; `nothing =` means that there are none (new in
    0.2)"""
    max_queries: PositiveInt | None = None
    """the most images that the run may send in all, repeats included; for a metered target, which
    costs something to ask"""
    max_requests: PositiveInt | None = None
    """the most requests that the run may send in all, repeats included"""
    threshold: Confidence | dict[str, Confidence] | None = None
    """the confidence from which you believe the classifier: one number, or one for each class by
    name, `{"cat": 0.4, "dog": 0.6}`. `show`, `report` and `audit` count the classes with an image
    at or above it. The search does not depend on it"""

    logit_temperature: PositiveFloat = 1.0
    """the temperature: logits are divided by it before the softmax (or each sigmoid), as if another
    calibration were the network's own (new in 0.2)"""

    @property
    def budget(self) -> Budget:
        """The most that may be spent."""
        return Budget(self.max_queries, self.max_requests)

    def check_threshold(self, spec: ImageSpec) -> None:
        """Raise an ExperimentError if a threshold is for a class that the target does not have."""
        if spec.is_objective and self.threshold is not None:
            fault = "is a confidence, and the target is an objective, whose scores are none"
            raise ExperimentError(f"{option('target', 'threshold')}: {fault}; leave it out")
        for name in self.threshold if isinstance(self.threshold, dict) else ():
            try:
                spec.class_index(name)
            except ExperimentError as error:
                raise ExperimentError(f"{option('target', 'threshold')}: {error}") from None


class ViewOptions(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Section ``[views]``: how each image is shown. Its other keys are views (augmentations)."""

    number: int = Field(4, ge=1, le=1000)
    """how often each image is shown, each time changed at random; the mean of the confidences
    counts. Each counts as an image of the run's length (new in 0.2)"""
    focus: float = Field(1.0, ge=1, le=16)
    """draw a candidate anew for each view, with other band limits: between `band_limit` divided by
    this, and `band_limit` times its square root. 4: from a quarter to twice. 1: as it is saved, as
    the first view always is (new in 0.2)"""


OWN_KEYS: Final[Mapping[str, type[BaseModel]]] = {
    "experiment": GeneralSettings,
    "plugins": PluginSources,
    "target": CallSettings,
    "views": ViewOptions,
}
"""The sections that have keys of the framework's own, and those keys."""


def read_framework(
    sections: Mapping[str, ConfigSection], problems: Problems, *, to_search: bool = True
) -> tuple[GeneralSettings, PluginSources, CallSettings]:
    """Read the framework's keys, of a wrong section its defaults. Only a search needs a length."""
    general = read_options(GeneralSettings, "experiment", sections, problems)
    target = sections.get("target", ConfigSection({}, ""))
    own = {key: value for key, value in target.values.items() if key in CallSettings.model_fields}
    calls = read_options(CallSettings, "target", {"target": replace(target, values=own)}, problems)
    sources = read_options(PluginSources, "plugins", sections, problems)
    section = sections.get("experiment", ConfigSection({}, ""))
    lengths = [section.values[key].given for key in LENGTHS if key in section.values]
    if to_search and all(length is None for length in lengths):
        fault = "missing; say how long to run: 'generations = N' or 'images = N'"
        problems.add_at(section, "experiment", "generations", fault)
    return general or GeneralSettings(), sources or PluginSources(), calls or CallSettings()


def safe_name(text: str) -> str:
    """Turn text into a similar name that is safe for a folder."""
    return _UNSAFE.sub("-", text).strip("-.+")[:100] or "experiment"


def check_classes(choice: PluginChoice, spec: ImageSpec) -> None:
    """Check that a target has the classes that a scheme's options name; tell all it lacks."""
    problems = Problems()
    for key, names in named_classes(choice.options).items():
        place = choice.section.values.get(key, choice.section)
        for name in names:
            try:
                spec.class_index(name)
            except ExperimentError as error:
                problems.add_at(place, choice.registration.kind, key, str(error))
    problems.raise_if_any()


def with_nothing(spec: ImageSpec, named: Sequence[str] | None) -> ImageSpec:
    """Say in a spec which classes mean that nothing is there: named, its own, or guessed ones."""
    if spec.is_objective:
        if named:
            fault = "is for a classifier, and the target is an objective; leave it out"
            raise ExperimentError(f"{option('target', 'nothing')}: {fault}")
        return spec
    if named is None:
        words = {name: _BETWEEN_WORDS.sub(" ", name.casefold()).strip() for name in spec.classes}
        guessed = tuple(name for name in spec.classes if _NOTHING.fullmatch(words[name]))
        known = spec.nothing or len(guessed) == len(spec.classes)
        return spec if known else replace(spec, nothing=guessed)
    try:
        nothing = tuple(spec.classes[spec.class_index(name)] for name in named)
    except ExperimentError as error:
        raise ExperimentError(f"{option('target', 'nothing')}: {error}") from error
    if nothing and {*nothing} == {*spec.classes}:
        raise ExperimentError(
            f"{option('target', 'nothing')}: names all classes; leave one to search for"
        )
    return replace(spec, nothing=nothing)


def describe_nothing(spec: ImageSpec, *, guessed: bool) -> str:
    """Say which classes mean that nothing is there, and what follows; empty if there are none."""
    if not spec.nothing:
        return ""
    guess = " (guessed by name; `nothing` in [target] says otherwise)" if guessed else ""
    return (
        f"Means that nothing is there{guess}: {', '.join(spec.nothing)}. It is not searched, and "
        "images of which the target is surest that they show it count as rejected."
    )
