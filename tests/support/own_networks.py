"""ONNX files for the demo's page, which takes them as from somebody who chooses them."""

from pathlib import Path

import torch
from devtools import Browser
from small_networks import export_onnx
from torch import nn

from neatfool_plugins.mnist.lenet import PACKAGED, load, normalise


class Lenet(nn.Module):
    """Takes float32 [N, 1, 28, 28] in [0, 1]; gives logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.network = load(PACKAGED)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(normalise(255 * images))


def export_lenet(file: Path) -> None:
    """Write the packaged network of digits, for any number of images at once."""
    export_onnx(Lenet(), file, torch.zeros(1, 1, 28, 28))


def drop(browser: Browser, *files: Path) -> None:
    """Give files to the page, as somebody who chooses them."""
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=root, selector="#own-file")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=field, files=[str(each) for each in files])
