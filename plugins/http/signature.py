"""A model's signature: the tensors that images go into and scores come from.

The model's metadata say it, and the options choose where they leave a choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StrictInt, ValidationError

from neatfool import ImageSpec, TargetError, nearest

from .answers import RefusedError, is_short_text

if TYPE_CHECKING:
    from .options import Options

DATATYPES: Final = ("UINT8", "FP32")
PROBABILITIES: Final = "probabilities"
LOGITS: Final = "logits"
LIMIT: Final = "max_batch_size"
"""What a model, or its input, calls the most images of a request."""


def _check_name(name: str) -> str:
    if not is_short_text(name):
        raise ValueError("is no short printable text")
    return name


Name = Annotated[str, AfterValidator(_check_name)]
Parameters = Annotated[
    dict[str, Any], BeforeValidator(lambda given: given if isinstance(given, dict) else {})
]
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda given: tuple(map(str, given)) if isinstance(given, list) else ()),
]


class Tensor(BaseModel, frozen=True):
    """What a model says of one of its inputs or outputs: of its lengths, -1 where they are free."""

    name: Name
    datatype: Annotated[Name, AfterValidator(str.upper)]
    shape: tuple[StrictInt, ...]
    parameters: Parameters = {}


Tensors = Annotated[tuple[Tensor, ...], BeforeValidator(lambda given: given or ())]


class Metadata(BaseModel, frozen=True):
    """What a model says of itself; no inputs or outputs if it does not say."""

    name: Annotated[str, BeforeValidator(str)] = ""
    versions: Texts = ()
    inputs: Tensors = ()
    outputs: Tensors = ()
    parameters: Parameters = {}

    @classmethod
    def read(cls, document: Any) -> Metadata:
        """Read the answer to a request for metadata.

        Raises:
            RefusedError: It is none.
        """
        if not isinstance(document, dict) or not ({"name", "inputs", "outputs"} & {*document}):
            raise RefusedError("its metadata are not as the protocol has them")
        try:
            return cls.model_validate(document)
        except ValidationError:
            raise RefusedError(
                "its metadata list no inputs and outputs, or no tensors with a name, a datatype "
                "and a shape"
            ) from None


class Signature:
    """What a model takes and gives.

    Attributes:
        metadata: What the model says, with the tensors that only the options declare.
        input: The tensor that images go into.
        datatype: ``UINT8`` or ``FP32``, as which pixels are sent.
        layout: The order of pixels.
        outputs: The tensors that scores come from, by what they are: probabilities or logits.
        batch_size: The most images a request; None if the model sets no limit.
        spec: The images it takes and its classes.
    """

    def __init__(self, options: Options, metadata: Metadata) -> None:
        """Choose the tensors.

        Raises:
            TargetError: The model takes no images, or the options do not fit it.
        """
        self._options = options
        inputs = metadata.inputs or (self._declare_input(),)
        outputs = metadata.outputs or (self._declare_output(),)
        self.metadata = metadata.model_copy(update={"inputs": inputs, "outputs": outputs})
        self.input = self._choose(inputs, options.input_name, "input")
        self.datatype = self._choose_datatype()
        self.layout = self._find_layout()
        self.outputs = self._choose_outputs()
        self.batch_size = self._find_limit()
        self.spec = self._make_spec()

    def _error(self, message: str) -> TargetError:
        return TargetError(f"http: model {self._options.model!r}: {message}")

    def _declare_input(self) -> Tensor:
        """Describe the input of a model that declares none, by the options."""
        name, datatype, layout, channels, height, width = self._require(
            "inputs", "input_name", "datatype", "layout", "channels", "height", "width"
        )
        order = (channels, height, width) if layout == "NCHW" else (height, width, channels)
        return Tensor.model_construct(name=name, datatype=datatype, shape=(-1, *order))

    def _declare_output(self) -> Tensor:
        """Describe the output of a model that declares none; its numbers are taken as they are."""
        (name,) = self._require("outputs", "output_name")
        return Tensor.model_construct(name=name, datatype="FP64", shape=(-1,))

    def _require(self, kind: str, *names: str) -> list[Any]:
        """Give options that must be there, because the model does not declare its tensors."""
        values = {name: getattr(self._options, name) for name in names}
        if missing := [name for name, value in values.items() if value in (None, "auto")]:
            raise self._error(
                f"its metadata declare no {kind}; say [target] {' and '.join(missing)}"
            )
        return [*values.values()]

    def _choose(self, tensors: Sequence[Tensor], name: str | None, kind: str) -> Tensor:
        if name is None and len(tensors) == 1:
            return tensors[0]
        names = [each.name for each in tensors]
        if name not in names:
            given = "it has several" if name is None else f"it has no {kind} {name!r}"
            guess = nearest(name or "", names)
            raise self._error(f"{given}; give one of its {kind}s as [target] {kind}_name{guess}")
        return tensors[names.index(name)]

    def _choose_datatype(self) -> str:
        options, own = self._options, self.input.datatype
        datatype = own if options.datatype == "auto" else options.datatype
        if datatype not in DATATYPES:
            raise self._error(
                f"its input {self.input.name} takes {own}; images can be sent as "
                f"{' or '.join(DATATYPES)} ([target] datatype)"
            )
        if datatype == "UINT8" and (options.mean or options.std or options.white != 1):
            raise self._error(
                "images go as UINT8, and white, mean and std are for FP32; leave them out, or say "
                "[target] datatype = FP32"
            )
        return datatype

    def _find_layout(self) -> Literal["NCHW", "NHWC"]:
        shape = self.input.shape
        if len(shape) != 4:
            raise self._error(
                f"its input {self.input.name} has the shape {list(shape)}; images are [N, C, H, W] "
                "or [N, H, W, C]"
            )
        if self._options.layout != "auto":
            return self._options.layout
        first, last = shape[1] in (1, 3), shape[3] in (1, 3)
        if first == last:
            raise self._error(
                f"the shape {list(shape)} of its input does not show which is channels; say "
                "[target] layout = NCHW or NHWC"
            )
        return "NCHW" if first else "NHWC"

    def _choose_outputs(self) -> dict[str, Tensor]:
        """Choose the outputs by their names, or else the one that the options name."""
        outputs, scores_are = self.metadata.outputs, self._options.scores_are
        by_name = {each.name.lower(): each for each in outputs}
        kinds = (PROBABILITIES, LOGITS) if scores_are == "auto" else (scores_are,)
        named = {kind: by_name[kind] for kind in kinds if kind in by_name}
        if named and self._options.output_name is None:
            return named
        output = self._choose(outputs, self._options.output_name, "output")
        kind = scores_are if scores_are != "auto" else output.name.lower()
        if kind not in (PROBABILITIES, LOGITS):
            raise self._error(
                f"its output {output.name} does not show what it is; say [target] scores_are = "
                "logits or probabilities"
            )
        return {kind: output}

    def _find_limit(self) -> int | None:
        most = self.input.shape[0]
        if most > 1:
            raise self._error(
                f"it takes exactly {most} images a request; only models that take one, or any "
                "number, can be used"
            )
        given = [each.parameters.get(LIMIT) for each in (self.metadata, self.input)]
        limits = [each for each in given if type(each) is int and each > 0]
        return min([*limits, 1] if most == 1 else limits, default=None)

    def _make_spec(self) -> ImageSpec:
        order = (1, 2, 3) if self.layout == "NCHW" else (3, 1, 2)
        channels, height, width = (
            self._agree(name, self.input.shape[index])
            for name, index in zip(("channels", "height", "width"), order, strict=True)
        )
        if channels not in (1, 3):
            raise self._error(
                f"its images have {channels} channels; grey ones have 1, coloured ones 3"
            )
        sums_to_one = self._options.sums_to_one
        if sums_to_one is None:
            declared = [each.parameters.get("sums_to_one") for each in self.outputs.values()]
            sums_to_one = False not in declared
        return ImageSpec(height, width, channels, self._name_classes(), sums_to_one=sums_to_one)

    def _agree(self, name: str, own: int) -> int:
        """Give a length of images: the model's own, or the option's where the model takes any."""
        chosen: int | None = getattr(self._options, name)
        if own < 1 and chosen is None:
            raise self._error(f"takes images of any {name}; say [target] {name} = NUMBER")
        if own >= 1 and chosen not in (None, own):
            raise self._error(f"takes images of {name} {own}; leave [target] {name} out")
        return chosen or own

    def _name_classes(self) -> tuple[str, ...]:
        """Name the classes as the options do, or else the model, or else by numbers."""
        counts = {each.shape[-1] for each in self.outputs.values() if each.shape} - {-1}
        given = tuple(self._options.classes)
        for tensor in self.outputs.values():
            names = tensor.parameters.get("classes")
            if not given and isinstance(names, list):
                given = tuple(map(str, names))
        if not given and len(counts) == 1:
            given = tuple(map(str, range(min(counts))))
        if not given:
            raise self._error(
                "it does not say how many classes it has; name them all, in the order of its "
                "output: [target] classes = @FILE"
            )
        if counts and counts != {len(given)}:
            has = " or ".join(map(str, sorted(counts)))
            raise self._error(f"it has {has} classes, and {len(given)} are named")
        if len(given) < 2 or len({*given}) < len(given) or not all(map(is_short_text, given)):
            raise self._error(
                "its classes are fewer than two, two have one name, or a name is no short "
                "printable text; name them all: [target] classes = @FILE"
            )
        return given
