"""Files of TensorFlow.js: a JSON file with a network's topology, and shards of its weights.

The format is described in https://github.com/tensorflow/tfjs/tree/master/tfjs-converter.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from neatfool import TargetError, models

_TYPES: Final = {
    "float32": "<f4",
    "float16": "<f2",
    "int32": "<i4",
    "uint8": "u1",
    "uint16": "<u2",
    "bool": "?",
}
_REMEDY: Final = "convert it again with tensorflowjs_converter"


def open_javascript(path: Path) -> models.FileModule:
    """Open the model.json of a graph model or of a layers model.

    Raises:
        TargetError: The file is damaged, or has operations or layers that are not known.
        ValueError: There is no such file, or Keras is needed and not installed.
    """
    if not path.is_file():
        raise ValueError("there is no such file; give the path of the model's JSON file")
    with models.reading(f"{path}: cannot be read as a model of TensorFlow.js", _REMEDY):
        model = json.loads(path.read_bytes())
        topology = model["modelTopology"]
        shards = _shards(path, model["weightsManifest"])
        weights = dict(_read_weights(path, model["weightsManifest"]))
    if "node" in topology:
        from .graph import GraphModule

        signature = model.get("signature") or (model.get("userDefinedMetadata") or {}).get(
            "signature", {}
        )
        module: models.FileModule = GraphModule(path, topology["node"], signature, weights)
    else:
        models.need("keras", extra="keras")
        from .layers import LayersModule, set_weights

        module = LayersModule(path, topology.get("model_config", topology))
        with models.reading(f"{path}: its weights do not fit its layers", _REMEDY):
            set_weights(module.program, weights)
    module.beside = shards
    return module


def _shards(path: Path, manifest: list[dict[str, Any]]) -> list[Path]:
    """List the files of weights, which lie beside the JSON file or below it."""
    folder = path.parent.resolve()
    shards = [(folder / name).resolve() for group in manifest for name in group["paths"]]
    for shard in shards:
        if not shard.is_relative_to(folder):
            raise TargetError(f"{path}: names weights outside of its folder, {shard}; {_REMEDY}")
    return shards


def _read_weights(path: Path, manifest: list[dict[str, Any]]) -> Iterator[tuple[str, np.ndarray]]:
    """Read each weight, with its name; those that were quantised are numbers again."""
    shards = iter(_shards(path, manifest))
    for group in manifest:
        content = b"".join(next(shards).read_bytes() for _ in group["paths"])
        start = 0
        for weight in group["weights"]:
            quantised, shape = weight.get("quantization"), weight["shape"]
            kind = np.dtype(_TYPES[(quantised or weight)["dtype"]])
            count = math.prod(shape)
            numbers = np.frombuffer(content, kind, count, start).reshape(shape)
            start += count * kind.itemsize
            if quantised and "scale" in quantised:
                numbers = (numbers * quantised["scale"] + quantised["min"]).astype(np.float32)
            yield weight["name"], numbers.astype(_TYPES[weight["dtype"]])
