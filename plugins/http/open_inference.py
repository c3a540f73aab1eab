"""The Open Inference Protocol, version 2, as MLServer, Triton, KServe and TorchServe speak it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from neatfool import ImageSpec, Scores, TargetError, nearest

from .faults import RefusedError
from .metadata import Tensor, model_url
from .numbers import RAW, is_short_text, numbers_of, rows_of, softmax, usable_probabilities
from .service import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import Options
    from .metadata import Metadata

DATATYPES: Final = ("UINT8", "FP32")
PROBABILITIES: Final = "probabilities"
LOGITS: Final = "logits"
LIMIT: Final = "max_batch_size"
"""What a model, or its input, calls the most images of a request."""


class OpenInference:
    """A model behind the protocol.

    Attributes:
        spec: The images it takes and its classes.
        batch_size: The most images a request; None if the model sets no limit.
    """

    def __init__(self, options: Options, metadata: Metadata, *, binary: bool = False) -> None:
        """Find out how the model is asked.

        Args:
            options: What the experiment says.
            metadata: What the model says.
            binary: Whether the server takes pixels, and gives scores, as raw bytes.

        Raises:
            TargetError: It takes no images, or the options do not fit it.
        """
        self._options = options
        self._where = f"http: model {options.model!r}"
        metadata = replace(
            metadata,
            inputs=metadata.inputs or (self._stated_input(),),
            outputs=metadata.outputs or (self._stated_output(),),
        )
        self._metadata = metadata
        self._binary = binary
        self._input = self._chosen(metadata.inputs, options.input_name, "input")
        self._datatype = self._chosen_datatype()
        self._layout = self._found_layout()
        self._outputs = self._chosen_outputs()
        self.batch_size = self._limit()
        self.spec = self._made_spec()
        self._url = model_url(options) + "/infer"
        channels = self.spec.channels
        self._mean, self._std = (
            np.resize(np.array(each, dtype=np.float32), channels).reshape(1, channels, 1, 1)
            for each in (options.mean or [0.0], options.std or [1.0])
        )

    def call(self, images: np.ndarray) -> Call:
        """Write the request for some images, uint8 [N, C, H, W]."""
        pixels = images if self._layout == "NCHW" else images.transpose(0, 2, 3, 1)
        if self._datatype == "FP32":
            white = np.float32(self._options.white)
            scaled = (images.astype(np.float32) / np.float32(255 / white) - self._mean) / self._std
            pixels = scaled if self._layout == "NCHW" else scaled.transpose(0, 2, 3, 1)
        tensor: dict[str, Any] = {
            "name": self._input.name,
            "shape": list(pixels.shape),
            "datatype": self._datatype,
        }
        raw = b""
        if self._binary:
            raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            tensor["parameters"] = {"binary_data_size": len(raw)}
        else:
            tensor["data"] = pixels.ravel().tolist()
        content: dict[str, Any] = {"inputs": [tensor]}
        if len(self._metadata.outputs) > len(self._outputs):
            content["outputs"] = [{"name": each.name} for each in self._outputs.values()]
        if self._binary and RAW.keys() >= {each.datatype for each in self._outputs.values()}:
            content["parameters"] = {"binary_data_output": True}
        text = json.dumps(content, separators=(",", ":")).encode()
        headers = self._options.content_type(
            "application/octet-stream" if self._binary else "application/json"
        )
        if self._binary:
            headers["Inference-Header-Content-Length"] = str(len(text))
        return Call("POST", self._url, len(images), content=text + raw, headers=headers)

    def read(self, said: Any, count: int) -> Scores:
        """Read the answer to so many images.

        Raises:
            RefusedError: It does not have the form of one.
        """
        tables = {kind: self._table(said, tensor, count) for kind, tensor in self._outputs.items()}
        logits = tables.get(LOGITS)
        probs = tables[PROBABILITIES] if PROBABILITIES in tables else softmax(tables[LOGITS])
        ok = usable_probabilities(probs, sums_to_one=self.spec.sums_to_one)
        if logits is not None:
            ok &= np.isfinite(logits).all(1)
        return Scores(probs, logits, ok)

    def nothing(self, count: int) -> Scores:
        """Make the answer for images of which nothing usable was said."""
        table = np.zeros((count, len(self.spec.classes)))
        logits = table.copy() if LOGITS in self._outputs else None
        return Scores(table, logits, np.zeros(count, np.bool_))

    def describe(self) -> str:
        """Say what is sent, and what comes back."""
        shape = {"NCHW": "[N, C, H, W]", "NHWC": "[N, H, W, C]"}[self._layout]
        scaled = "the bytes themselves"
        if self._datatype == "FP32":
            mean, std = self._options.mean or [0.0], self._options.std or [1.0]
            scaled = f"(x - {mean}) / {std} of x in [0, {self._options.white:g}]"
        said = " and ".join(f"{each.name} ({kind})" for kind, each in self._outputs.items())
        way = ", as raw bytes" * self._binary
        return (
            f"Open Inference Protocol, model {self._options.model}: images go as "
            f"{self._datatype} {shape}, {scaled}{way}, in its input {self._input.name}; of its "
            f"outputs {said} {'are' if len(self._outputs) > 1 else 'is'} taken"
        )

    def identity(self) -> Any:
        """Give what tells this model and the way it is asked from others, as JSON."""
        metadata = self._metadata
        tensors = [
            [each.name, each.datatype, each.shape, _without_limit(each.parameters)]
            for each in (*metadata.inputs, *metadata.outputs)
        ]
        return [
            metadata.model,
            metadata.versions,
            metadata.parameters.get("fingerprint"),
            tensors,
            self._input.name,
            self._datatype,
            self._layout,
            [[kind, each.name] for kind, each in self._outputs.items()],
            [self._options.white, self._options.mean, self._options.std]
            if self._datatype == "FP32"
            else [],
        ]

    def _stated_input(self) -> Tensor:
        """Describe the input of a model that declares none, by the options."""
        name, datatype, layout, channels, height, width = self._stated(
            "inputs", "input_name", "datatype", "layout", "channels", "height", "width"
        )
        order = (channels, height, width) if layout == "NCHW" else (height, width, channels)
        return Tensor(name, datatype, (-1, *order), {})

    def _stated_output(self) -> Tensor:
        """Describe the output of a model that declares none; its numbers are taken as they are."""
        return Tensor(self._stated("outputs", "output_name")[0], "FP64", (-1,), {})

    def _stated(self, kind: str, *names: str) -> list[Any]:
        """Give options that must be there, because the model does not declare its tensors."""
        values = [getattr(self._options, name) for name in names]
        if missing := [name for name, v in zip(names, values, strict=True) if v in (None, "auto")]:
            raise TargetError(
                f"{self._where}: its metadata declare no {kind}; say [target] "
                f"{' and '.join(missing)}"
            )
        return values

    def _chosen(self, tensors: Sequence[Tensor], name: str | None, kind: str) -> Tensor:
        if name is None and len(tensors) == 1:
            return tensors[0]
        names = [each.name for each in tensors]
        if name not in names:
            given = "it has several" if name is None else f"it has no {kind} {name!r}"
            raise TargetError(
                f"{self._where}: {given}; give one of its {kind}s as [target] {kind}_name"
                f"{nearest(name or '', names)}"
            )
        return tensors[names.index(name)]

    def _chosen_datatype(self) -> str:
        asked, own = self._options.datatype, self._input.datatype
        datatype = own if asked == "auto" else asked
        if datatype not in DATATYPES:
            raise TargetError(
                f"{self._where}: its input {self._input.name} takes {own}; images can be sent as "
                f"{' or '.join(DATATYPES)} ([target] datatype)"
            )
        scaled = self._options.mean or self._options.std or self._options.white != 1
        if datatype == "UINT8" and scaled:
            raise TargetError(
                f"{self._where}: images go as UINT8, and white, mean and std are for FP32; leave "
                "them out, or say [target] datatype = FP32"
            )
        return datatype

    def _found_layout(self) -> Literal["NCHW", "NHWC"]:
        shape = self._input.shape
        if len(shape) != 4:
            raise TargetError(
                f"{self._where}: its input {self._input.name} has the shape {list(shape)}; "
                "images are [N, C, H, W] or [N, H, W, C]"
            )
        if self._options.layout != "auto":
            return self._options.layout
        first, last = shape[1] in (1, 3), shape[3] in (1, 3)
        if first == last:
            raise TargetError(
                f"{self._where}: the shape {list(shape)} of its input does not show which is "
                "channels; say [target] layout = NCHW or NHWC"
            )
        return "NCHW" if first else "NHWC"

    def _chosen_outputs(self) -> dict[str, Tensor]:
        """Choose the outputs that are taken, by what they are."""
        outputs, asked = self._metadata.outputs, self._options.scores_are
        by_name = {each.name.lower(): each for each in outputs}
        named: dict[str, Tensor] = {
            kind: by_name[kind] for kind in (PROBABILITIES, LOGITS) if kind in by_name
        }
        if self._options.output_name is None and named:
            chosen = {kind: each for kind, each in named.items() if asked in ("auto", kind)}
            if chosen:
                return chosen
        output = self._chosen(outputs, self._options.output_name, "output")
        kind = asked if asked != "auto" else output.name.lower()
        if kind not in (PROBABILITIES, LOGITS):
            raise TargetError(
                f"{self._where}: its output {output.name} does not show what it is; say [target] "
                "scores_are = logits or probabilities"
            )
        return {kind: output}

    def _limit(self) -> int | None:
        most = self._input.shape[0]
        if most > 1:
            raise TargetError(
                f"{self._where}: it takes exactly {most} images a request; only models that take "
                "one, or any number, can be used"
            )
        limits = [1] if most == 1 else []
        for parameters in (self._metadata.parameters, self._input.parameters):
            said = parameters.get(LIMIT)
            if type(said) is int and said > 0:
                limits.append(said)
        return min(limits, default=None)

    def _made_spec(self) -> ImageSpec:
        options, shape = self._options, self._input.shape
        order = (1, 2, 3) if self._layout == "NCHW" else (3, 1, 2)
        said = [shape[index] for index in order]
        asked = [options.channels, options.height, options.width]
        sizes = []
        for name, free, own in zip(("channels", "height", "width"), asked, said, strict=True):
            if own < 1 and free is None:
                raise TargetError(
                    f"{self._where}: takes images of any {name}; say [target] {name} = NUMBER"
                )
            if own >= 1 and free not in (None, own):
                raise TargetError(
                    f"{self._where}: takes images of {name} {own}; leave [target] {name} out"
                )
            sizes.append(own if own >= 1 else free)
        channels, height, width = sizes
        assert channels is not None
        assert height is not None
        assert width is not None
        if channels not in (1, 3):
            raise TargetError(
                f"{self._where}: its images have {channels} channels; grey ones have 1, coloured "
                "ones 3"
            )
        return ImageSpec(height, width, channels, self._classes(), sums_to_one=self._sums_to_one())

    def _sums_to_one(self) -> bool:
        asked = self._options.sums_to_one
        said = [each.parameters.get("sums_to_one") for each in self._outputs.values()]
        return (False not in said) if asked is None else asked

    def _classes(self) -> tuple[str, ...]:
        """Find the names of the classes: those of the options, the model's, or numbers."""
        counts = {each.shape[-1] for each in self._outputs.values() if each.shape}
        counts -= {-1}
        given = tuple(self._options.classes)
        for tensor in self._outputs.values():
            said = tensor.parameters.get("classes")
            if not given and isinstance(said, list):
                given = tuple(map(str, said))
        if not given and len(counts) == 1:
            given = tuple(map(str, range(min(counts))))
        if not given:
            raise TargetError(
                f"{self._where}: it does not say how many classes it has; name them all, in the "
                "order of its output: [target] classes = @FILE"
            )
        if counts and counts != {len(given)}:
            raise TargetError(
                f"{self._where}: it has {' or '.join(map(str, sorted(counts)))} classes, and "
                f"{len(given)} are named"
            )
        if len(given) < 2 or len({*given}) < len(given) or not all(map(is_short_text, given)):
            raise TargetError(
                f"{self._where}: its classes are fewer than two, two have one name, or a name is "
                "no short printable text; name them all: [target] classes = @FILE"
            )
        return given

    def _table(self, said: Any, tensor: Tensor, count: int) -> np.ndarray:
        outputs = said.get("outputs") if isinstance(said, dict) else None
        if not isinstance(outputs, list):
            raise RefusedError("no outputs")
        named = [
            each for each in outputs if isinstance(each, dict) and each.get("name") == tensor.name
        ]
        if len(named) != 1:
            raise RefusedError(f"no output {tensor.name}"[:60])
        width = len(self.spec.classes)
        shape = named[0].get("shape")
        if not isinstance(shape, list) or [n for n in shape if n != 1] != [
            n for n in (count, width) if n != 1
        ]:
            raise RefusedError(f"another shape than [{count}, {width}]")
        data = named[0].get("data")
        if isinstance(data, bytes):
            table = numbers_of(data, tensor.datatype, count, width)
        else:
            table = rows_of(data, count, width)
        if tensor.datatype == "FP64":
            return table
        with np.errstate(over="ignore"):
            return table.astype(np.float32)  # exactly what the model gave


def _without_limit(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name != LIMIT}
