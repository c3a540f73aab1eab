"""A LeNet that has the class "fooling", too: its weights, its target, and searching its digits."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from neatfool import TargetError
from neatfool_plugins.mnist import Options, lenet
from neatfool_plugins.mnist.lenet import MnistTarget

CLASSES = (*"0123456789", "fooling")


def packaged_with(outputs, path):
    tensors = load_file(lenet.PACKAGED)
    more = outputs - 10
    tensors["fc2.weight"] = torch.cat([tensors["fc2.weight"], torch.zeros(more, 500)])
    tensors["fc2.bias"] = torch.cat([tensors["fc2.bias"], torch.zeros(more)])
    save_file(tensors, path)
    return path


def test_eleven_outputs_are_the_digits_and_fooling(tmp_path):
    options = Options(weights=packaged_with(11, tmp_path / "w.safetensors"), device="cpu")
    target = MnistTarget(options)
    assert options.spec() == target.spec
    assert target.spec.classes == CLASSES
    assert target.score(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).probs.shape == (2, 11)
    target.self_check()


def test_eleven_outputs_are_saved_and_loaded(tmp_path):
    network = lenet.LeNet(11)
    lenet.save_weights(network, tmp_path / "a", {})
    loaded = lenet.load(tmp_path / "a").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())


def test_ten_outputs_have_no_class_for_fooling_images():
    assert Options(weights=lenet.PACKAGED).spec().classes == CLASSES[:10]


def test_twelve_outputs_are_refused(tmp_path):
    path = packaged_with(12, tmp_path / "w.safetensors")
    with pytest.raises(TargetError, match=r"fc2.bias.*\[12\].*\[10\]"):
        lenet.load(path)
