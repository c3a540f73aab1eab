"""The Open Inference Protocol, version 2, as MLServer, Triton, KServe and TorchServe speak it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Final, Self
from urllib.parse import quote

import httpx2
import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt, ValidationError

from neatfool import ImageSpec, Scores, TargetError

from .options import Options
from .responses import MOST_LABELS, RefusedError, is_short_text, make_scores, read_rows

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


class TensorMetadata(BaseModel, frozen=True):
    """What a model says of one of its inputs or outputs: of its lengths, -1 where they are free."""

    name: Name
    datatype: Annotated[Name, AfterValidator(str.upper)]
    shape: Annotated[tuple[StrictInt, ...], Field(max_length=8)]
    parameters: Parameters = {}


Tensors = Annotated[tuple[TensorMetadata, ...], BeforeValidator(lambda given: given or ())]


class ModelMetadata(BaseModel, frozen=True):
    """What a model says of itself; no inputs or outputs if it does not say."""

    name: Any = ""
    versions: Any = ()
    inputs: Tensors = ()
    outputs: Tensors = ()
    parameters: Parameters = {}

    @classmethod
    def read(cls, document: Any) -> Self:
        """Read the answer to a request for metadata."""
        with suppress(TypeError, ValidationError):
            if {"name", "inputs", "outputs"} & {*document}:
                return cls.model_validate(document)
        raise RefusedError("its metadata list no inputs and outputs, or no tensors as they must be")


class OpenInference:
    """A model behind the protocol; its ``batch_size`` is None if it sets no limit."""

    def __init__(self, options: Options, metadata: ModelMetadata, *, binary: bool = False) -> None:
        """Choose the tensors; if ``binary``, the server takes pixels as raw bytes."""
        self._options, self._binary = options, binary
        self._metadata = metadata
        self._choose_input()
        self._outputs = self._choose_outputs()
        self.spec = self._make_spec()
        self.gives = "logits" if "logits" in self._outputs else "probabilities"
        self._url = httpx2.URL(f"{model_url(options)}/infer")
        channels = self.spec.channels
        self._mean, self._std = (
            np.resize(np.array(each, dtype=np.float32), channels).reshape(1, channels, 1, 1)
            for each in (options.mean or [0.0], options.std or [1.0])
        )

    def write_request(self, images: np.ndarray) -> httpx2.Request:
        """Write the request for some images, uint8 [N, C, H, W]."""
        pixels = images
        if self._datatype == "FP32":
            pixels = (images.astype(np.float32) / np.float32(255) - self._mean) / self._std
        if self._layout == "NHWC":
            pixels = pixels.transpose(0, 2, 3, 1)
        tensor: dict[str, Any] = {"name": self._input.name, "datatype": self._datatype}
        tensor["shape"], raw = [*pixels.shape], b""
        if self._binary:
            raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            tensor["parameters"] = {"binary_data_size": len(raw)}
        else:
            tensor["data"] = pixels.ravel().tolist()
        content: dict[str, Any] = {"inputs": [tensor]}
        if len(self._metadata.outputs) > len(self._outputs):
            content["outputs"] = [{"name": each.name} for each in self._outputs.values()]
        text = json.dumps(content, separators=(",", ":")).encode()
        kind = "octet-stream" if self._binary else "json"
        headers = self._options.content_type(f"application/{kind}")
        if self._binary:
            headers["Inference-Header-Content-Length"] = str(len(text))
        return httpx2.Request("POST", self._url, content=text + raw, headers=headers)

    def read_answer(self, document: Any, count: int) -> Scores:
        """Read the answer to so many images."""
        tables = {
            {"probabilities": "probs"}.get(kind, kind): self._read_table(document, tensor, count)
            for kind, tensor in self._outputs.items()
        }
        return make_scores(**tables, sums_to_one=self.spec.sums_to_one)

    def describe(self) -> str:
        """Say what is sent, and what comes back."""
        return (
            f"Open Inference Protocol, model {self._options.model}: images go as {self._datatype} "
            f"[{', '.join(self._layout)}]{' in raw bytes' if self._binary else ''}; taken are the "
            f"outputs: {', '.join(each.name for each in self._outputs.values())}"
        )

    def identity(self) -> Any:
        """Give what the scores depend on besides the server, as JSON."""
        options, metadata = self._options, self._metadata
        tensors = [
            [e.name, e.datatype, e.shape, {k: v for k, v in e.parameters.items() if k != LIMIT}]
            for e in (*metadata.inputs, *metadata.outputs)
        ]
        return [
            metadata.name,
            metadata.versions,
            metadata.parameters.get("fingerprint"),
            tensors,
            self._input.name,
            self._datatype,
            self._layout,
            [[kind, each.name] for kind, each in self._outputs.items()],
            [options.mean, options.std] if self._datatype == "FP32" else [],
        ]

    def _read_table(self, document: Any, tensor: TensorMetadata, count: int) -> np.ndarray:
        outputs = document.get("outputs") if isinstance(document, dict) else None
        if not isinstance(outputs, list):
            raise RefusedError("no outputs")
        named = [o for o in outputs if isinstance(o, dict) and o.get("name") == tensor.name]
        if len(named) != 1:
            raise RefusedError(f"no output {tensor.name}"[:60])
        width, shape = len(self.spec.classes), named[0].get("shape")
        lengths = [n for n in (count, width) if n != 1]
        if not isinstance(shape, list) or [n for n in shape if n != 1] != lengths:
            raise RefusedError(f"another shape than [{count}, {width}]")
        table = read_rows(named[0].get("data"), count, width)
        if tensor.datatype == "FP64":
            return table
        with np.errstate(over="ignore"):
            return table.astype(np.float32)  # exactly what the model gave

    def _error(self, message: str) -> TargetError:
        return TargetError(f"http: model {self._options.model!r}: {message}")

    def _only(self, tensors: Sequence[TensorMetadata], kind: str) -> TensorMetadata:
        if len(tensors) != 1:
            words = f"it declares {len(tensors)} {kind}; give the one to use in [target] metadata"
            raise self._error(words)
        return tensors[0]

    def _choose_input(self) -> None:
        """Find out what images go into, as what numbers, in what order, and how many at most."""
        options, metadata = self._options, self._metadata
        self._input = tensor = self._only(metadata.inputs, "inputs")
        self._datatype, shape = tensor.datatype, [*tensor.shape]
        channels_at = [place for place in (1, 3) if len(shape) == 4 and shape[place] in (1, 3)]
        if self._datatype not in ("UINT8", "FP32") or len(channels_at) != 1 or shape[0] > 1:
            raise self._error(
                f"its input is {tensor.datatype} {shape}; images go as UINT8 or FP32 [N, C, H, W] "
                "or [N, H, W, C] of any N, or of one, with 1 or 3 channels: give such a one in "
                "[target] metadata"
            )
        if self._datatype == "UINT8" and (options.mean or options.std):
            raise self._error("its input takes bytes; leave mean and std out")
        self._layout = "NCHW" if channels_at == [1] else "NHWC"
        given = [each.parameters.get(LIMIT) for each in (metadata, tensor)]
        limits = [each for each in given if type(each) is int and each > 0]
        self.batch_size = min([*limits, 1] if shape[0] == 1 else limits, default=None)

    def _choose_outputs(self) -> dict[str, TensorMetadata]:
        """Choose the outputs by their names, or else the one that the options name."""
        outputs, scores_are = self._metadata.outputs, self._options.scores_are
        by_name = {each.name.lower(): each for each in outputs}
        kinds = ("probabilities", "logits") if scores_are == "auto" else (scores_are,)
        named = {kind: by_name[kind] for kind in kinds if kind in by_name}
        if named:
            return named
        output = self._only(outputs, "outputs")
        if scores_are == "auto":
            raise self._error(f"say what {output.name} is: scores_are = logits or probabilities")
        return {scores_are: output}

    def _make_spec(self) -> ImageSpec:
        """Take the lengths of images from the model, or from the options where it takes any."""
        channels, height, width = self._input.shape[1:]
        if self._layout == "NHWC":
            height, width, channels = channels, height, width
        own, lengths = {"channels": channels, "height": height, "width": width}, []
        for name, length in own.items():
            chosen: int | None = getattr(self._options, name)
            if length < 1 and chosen is None:
                raise self._error(f"takes images of any {name}; say [target] {name} = NUMBER")
            if length >= 1 and chosen not in (None, length):
                raise self._error(f"takes images of {name} {length}; leave [target] {name} out")
            lengths.append(chosen or length)
        channels, height, width = lengths
        declared = [each.parameters.get("sums_to_one") for each in self._outputs.values()]
        chosen_sum = self._options.sums_to_one
        sums_to_one = False not in declared if chosen_sum is None else chosen_sum
        return ImageSpec(height, width, channels, self._name_classes(), sums_to_one=sums_to_one)

    def _name_classes(self) -> tuple[str, ...]:
        """Name the classes as the options do, or else the model, or else by numbers."""
        counts = {each.shape[-1] for each in self._outputs.values() if each.shape} - {-1}
        given = tuple(self._options.classes)
        for tensor in self._outputs.values():
            names = tensor.parameters.get("classes")
            if not given and isinstance(names, list):
                given = tuple(map(str, names))
        if not given and len(counts) == 1 and max(counts) <= MOST_LABELS:
            given = tuple(map(str, range(min(counts))))
        if not given:
            raise self._error("it does not say its classes; name them in order: classes = @FILE")
        if counts and counts != {len(given)}:
            has = " or ".join(map(str, sorted(counts)))
            raise self._error(f"it has {has} classes, and {len(given)} are named")
        if len(given) < 2 or len({*given}) < len(given) or not all(map(is_short_text, given)):
            words = "its classes are fewer than two, alike, or no short printable texts; name them"
            raise self._error(f"{words} all: [target] classes = @FILE")
        return given


def model_url(options: Options) -> str:
    """Write where a model is found."""
    return f"{options.url.rstrip('/')}/v2/models/{quote(options.model or '', safe='')}"


def takes_binary(document: Any) -> bool:
    """Say whether a server takes pixels as raw bytes, by what it says of itself."""
    extensions = document.get("extensions") if isinstance(document, dict) else None
    return isinstance(extensions, list) and "binary_tensor_data" in extensions
