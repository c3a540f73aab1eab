"""Writes the network that the demo's page offers beside its visitors' own.

It is FoolBench's ResNet-20, as an ONNX file with weights in half precision. They are fetched from
where their author publishes them, and must have the hash that FoolBench's entry has.
"""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from nets import ResNet

from neatfool import models
from neatfool_plugins.demo.page import SuppliedNetwork

ENTRY: Final = Path(__file__).parent / "_extra" / "foolbench" / "resnet20.json"
LICENCE: Final = Path(__file__).with_name("resnet20.txt")
COMMIT: Final = "d5489e8995e81e91ce6b1d69dcc98ad579b0b153"
LAYERS: Final = 20
SIDE: Final = 32
FEW: Final = 1000
"""Tensors of fewer numbers stay in single precision."""


def write_network(folder: Path, cache: Path) -> SuppliedNetwork:
    """Write the network and its licence into a folder beside the page.

    Raises:
        OSError: The weights are not in the cache, and cannot be fetched.
        RuntimeError: What was fetched is something else.
        ImportError: onnx is not installed.
    """
    import onnx

    entry = json.loads(ENTRY.read_bytes())
    classes = sorted(entry["images"], key=itemgetter("index"))
    network = ResNet(LAYERS).eval()
    models.fit_weights(network, models.read_tensors(download(entry, cache)), LICENCE.stem)
    written = BytesIO()
    any_number = {"input_names": ["images"], "dynamic_axes": {"images": {0: "n"}}}
    given = (torch.zeros(1, 3, SIDE, SIDE),)
    torch.onnx.export(network, given, written, dynamo=False, **any_number)
    model = onnx.load_from_string(written.getvalue())
    _halve(model.graph)
    onnx.save(model, folder / f"{LICENCE.stem}.onnx")
    shutil.copy(LICENCE, folder)
    return SuppliedNetwork(
        label="ResNet-20, for photographs of ten kinds (0.6 MB)",
        address=f"{folder.name}/{LICENCE.stem}.onnx",
        names=tuple(each["name"] for each in classes),
        scaling="imagenet",
        licence=f"{folder.name}/{LICENCE.name}",
        author=f"Yerlan Idelbayev, {entry['about']['licence']}",
    )


def download(entry: dict[str, Any], cache: Path) -> Path:
    """Fetch an entry's weights from where their author publishes them, unless a folder has them."""
    about = entry["about"]
    path = about["weights"].partition("/")[2]
    file = cache / Path(path).name
    if not file.exists():
        address = f"{about['source']}/raw/{COMMIT}/{path}"
        torch.hub.download_url_to_file(address, str(file), entry["sha256"], progress=False)
    return file


def _halve(graph: Any) -> None:
    """Keep weights in half precision; onnxruntime casts them when it loads them."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in graph.initializer:
        numbers, name = numpy_helper.to_array(weight), weight.name
        if numbers.dtype == np.float32 and numbers.size >= FEW:
            weight.CopyFrom(numpy_helper.from_array(numbers.astype(np.float16), f"{name}-half"))
            cast = helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT)
            casts.append(cast)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
