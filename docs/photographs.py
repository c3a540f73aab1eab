"""Writes the network of photographs that the demo's page offers beside its visitors' own.

It is EfficientNet-Lite0 of the extra ``imagenet``, as an ONNX file with weights in half precision.
"""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool import models
from neatfool_plugins.demo.page import SuppliedNetwork
from neatfool_plugins.imagenet import labels_for

NAME: Final = "efficientnet-lite0"
LICENCE: Final = Path(__file__).parents[1] / "LICENSE"
"""The network's licence is neatfool's own, Apache-2.0."""
FEW: Final = 1000
"""Tensors of fewer numbers stay in single precision."""


class Scaled(torch.nn.Module):
    """A network that takes pixels from 0 to 1."""

    def __init__(self, network: torch.nn.Module, mean: float, deviation: float) -> None:
        """Wrap a network whose bytes are scaled by these."""
        super().__init__()
        self.network, self.mean, self.deviation = network, mean, deviation

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give logits, [N, K], of float32 [N, 3, H, W]."""
        logits: torch.Tensor = self.network((255 * images - self.mean) / self.deviation)
        return logits


def write_network(folder: Path) -> SuppliedNetwork:
    """Write the network and its licence into a folder beside the page.

    Raises:
        TargetError: The extra ``imagenet`` is not installed.
        ImportError: onnx is not.
    """
    import onnx

    classifier = models.load_classifier(models.Request(NAME))
    how = classifier.preprocessing
    network = Scaled(classifier.module, how.mean[0], how.std[0]).eval()
    written = BytesIO()
    given = (torch.zeros(1, 3, *how.size),)
    torch.onnx.export(network, given, written, input_names=["images"], dynamo=False)
    model = onnx.load_from_string(written.getvalue())
    _halve(model.graph)
    onnx.save(model, folder / f"{NAME}.onnx")
    shutil.copy(LICENCE, folder / f"{NAME}.txt")
    label = "EfficientNet-Lite0, a network of photographs (9 MB)"
    return SuppliedNetwork(
        label, f"{folder.name}/{NAME}.onnx", labels_for(classifier.count, classifier.labels)
    )


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
