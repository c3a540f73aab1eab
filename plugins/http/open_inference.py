"""The Open Inference Protocol, version 2, as MLServer, Triton, KServe and TorchServe speak it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx2
import numpy as np

from .answers import RAW, RefusedError, make_scores, read_rows
from .signature import LIMIT, LOGITS, PROBABILITIES, Signature

if TYPE_CHECKING:
    from neatfool import Scores

    from .options import Options
    from .signature import Metadata, Tensor

BINARY: Final = "binary_tensor_data"
"""What a server calls the extension by which pixels go as raw bytes."""


class OpenInference:
    """A model behind the protocol.

    Attributes:
        spec: The images it takes and its classes.
        batch_size: The most images a request; None if the model sets no limit.
        gives: What the scores are, ``"logits"`` or ``"probabilities"``.
    """

    def __init__(self, options: Options, metadata: Metadata, *, binary: bool = False) -> None:
        """Find out how the model is asked; if ``binary``, the server takes pixels as raw bytes.

        Raises:
            TargetError: It takes no images, or the options do not fit it.
        """
        self._options = options
        self._binary = binary
        self._signature = Signature(options, metadata)
        self.spec, self.batch_size = self._signature.spec, self._signature.batch_size
        self.gives = LOGITS if LOGITS in self._signature.outputs else PROBABILITIES
        self._url = model_url(options) + "/infer"
        channels = self.spec.channels
        self._mean, self._std = (
            np.resize(np.array(each, dtype=np.float32), channels).reshape(1, channels, 1, 1)
            for each in (options.mean or [0.0], options.std or [1.0])
        )

    def write_request(self, images: np.ndarray) -> httpx2.Request:
        """Write the request for some images, uint8 [N, C, H, W]."""
        model, pixels = self._signature, images
        if model.datatype == "FP32":
            white = np.float32(self._options.white)
            pixels = (images.astype(np.float32) / np.float32(255 / white) - self._mean) / self._std
        if model.layout == "NHWC":
            pixels = pixels.transpose(0, 2, 3, 1)
        tensor: dict[str, Any] = {
            "name": model.input.name,
            "shape": list(pixels.shape),
            "datatype": model.datatype,
        }
        raw = b""
        if self._binary:
            raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            tensor["parameters"] = {"binary_data_size": len(raw)}
        else:
            tensor["data"] = pixels.ravel().tolist()
        content: dict[str, Any] = {"inputs": [tensor]}
        if len(model.metadata.outputs) > len(model.outputs):
            content["outputs"] = [{"name": each.name} for each in model.outputs.values()]
        if self._binary and RAW.keys() >= {each.datatype for each in model.outputs.values()}:
            content["parameters"] = {"binary_data_output": True}
        text = json.dumps(content, separators=(",", ":")).encode()
        kind = "octet-stream" if self._binary else "json"
        headers = self._options.content_type(f"application/{kind}")
        if self._binary:
            headers["Inference-Header-Content-Length"] = str(len(text))
        return httpx2.Request("POST", self._url, content=text + raw, headers=headers)

    def read_answer(self, document: Any, count: int) -> Scores:
        """Read the answer to so many images.

        Raises:
            RefusedError: It does not have the form of one.
        """
        outputs = self._signature.outputs
        tables = {kind: self._read_table(document, outputs[kind], count) for kind in outputs}
        return make_scores(
            probs=tables.get(PROBABILITIES),
            logits=tables.get(LOGITS),
            sums_to_one=self.spec.sums_to_one,
        )

    def describe(self) -> str:
        """Say what is sent, and what comes back."""
        model = self._signature
        shape = f"[{', '.join(model.layout)}]"
        scaled = "the bytes themselves"
        if model.datatype == "FP32":
            mean, std = self._options.mean or [0.0], self._options.std or [1.0]
            scaled = f"(x - {mean}) / {std} of x in [0, {self._options.white:g}]"
        taken = " and ".join(f"{each.name} ({kind})" for kind, each in model.outputs.items())
        way = ", as raw bytes" if self._binary else ""
        return (
            f"Open Inference Protocol, model {self._options.model}: images go as "
            f"{model.datatype} {shape}, {scaled}{way}, in its input {model.input.name}; of its "
            f"outputs {taken} {'are' if len(model.outputs) > 1 else 'is'} taken"
        )

    def identity(self) -> Any:
        """Give what the scores depend on besides the server, as JSON."""
        model, options = self._signature, self._options
        metadata = model.metadata
        tensors = [
            [e.name, e.datatype, e.shape, {k: v for k, v in e.parameters.items() if k != LIMIT}]
            for e in (*metadata.inputs, *metadata.outputs)
        ]
        return [
            metadata.name,
            metadata.versions,
            metadata.parameters.get("fingerprint"),
            tensors,
            model.input.name,
            model.datatype,
            model.layout,
            [[kind, each.name] for kind, each in model.outputs.items()],
            [options.white, options.mean, options.std] if model.datatype == "FP32" else [],
        ]

    def _read_table(self, document: Any, tensor: Tensor, count: int) -> np.ndarray:
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
        table = read_rows(named[0].get("data"), count, width, tensor.datatype)
        if tensor.datatype == "FP64":
            return table
        with np.errstate(over="ignore"):
            return table.astype(np.float32)  # exactly what the model gave


def model_url(options: Options) -> str:
    """Write where a model is found."""
    version = f"/versions/{quote(options.model_version, safe='')}" if options.model_version else ""
    return f"{options.url.rstrip('/')}/v2/models/{quote(options.model or '', safe='')}{version}"


def takes_binary(document: Any) -> bool:
    """Say whether a server takes pixels as raw bytes, by what it says of itself."""
    extensions = document.get("extensions") if isinstance(document, dict) else None
    return isinstance(extensions, list) and BINARY in extensions
