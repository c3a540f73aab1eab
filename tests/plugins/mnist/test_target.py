import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from other_process import run_python
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from neatfool import ExperimentError, TargetError
from neatfool.ood import read_mnist
from neatfool_plugins.mnist import lenet
from neatfool_plugins.mnist.lenet import MnistTarget, load_digits
from neatfool_plugins.mnist.options import Options
from neatfool_plugins.mnist.training import measure_accuracy, new_lenet

CARD = Path(lenet.__file__).with_name("MODEL_CARD.md")
FULL_DATA = os.environ.get("NEATFOOL_MNIST_DATA")
needs_full_data = pytest.mark.skipif(
    FULL_DATA is None, reason="NEATFOOL_MNIST_DATA does not name a folder with MNIST's idx files"
)


@pytest.fixture(scope="module")
def target():
    return MnistTarget(Options(device="cpu"))


@pytest.fixture(scope="module")
def digits():
    return torch.from_numpy(load_digits()[0])


def tensors():
    return load_file(lenet.PACKAGED)


def weights_file(folder, tensors):
    save_file(tensors, folder / "other.safetensors")
    return folder / "other.safetensors"


def test_importing_the_plugin_and_its_commands_imports_no_torch():
    code = (
        "import sys, click, neatfool_plugins.mnist as m; m.neatfool_add_commands(click.Group());"
        "assert not {'torch', 'torchvision', 'numpy'} & sys.modules.keys()"
    )
    run_python(code)


def test_the_model_card_describes_the_packaged_file():
    card = CARD.read_text(encoding="utf-8")
    assert sha256(lenet.PACKAGED.read_bytes()).hexdigest() in card


def test_the_packaged_network_reads_the_packaged_digits(target):
    images, labels = load_digits()
    right = target.score(torch.from_numpy(images)).probs.argmax(1) == labels
    assert right.mean() >= 0.97
    target.self_check()


def test_the_packaged_digits_are_thirty_of_each_class():
    images, labels = load_digits()
    assert images.shape == (300, 1, 28, 28)
    assert images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [30] * 10
    assert len({image.tobytes() for image in images}) == 300


def test_the_target_offers_the_packaged_digits_as_photographs(target):
    images, _ = load_digits()
    offered = target.photographs()
    assert len(offered) == len(images)
    np.testing.assert_array_equal(np.asarray(offered["7, number 3"]), images[7 * 30 + 2, 0])


@needs_full_data
def test_the_packaged_digits_are_the_first_of_the_test_set():
    test = read_mnist(Path(FULL_DATA or "")).test
    images, _ = load_digits()
    first = [test.images[test.labels == digit][:30] for digit in range(10)]
    np.testing.assert_array_equal(images[:, 0], np.concatenate(first))


@needs_full_data
def test_the_packaged_network_reads_the_whole_test_set():
    test = read_mnist(Path(FULL_DATA or "")).test
    assert len(test.labels) == 10_000
    accuracy = measure_accuracy(lenet.load(lenet.PACKAGED), test)
    assert accuracy >= 0.991
    assert f"{100 * accuracy:.2f} % of the 10,000" in CARD.read_text(encoding="utf-8")


def test_the_fingerprint_tells_networks_apart_and_not_files(target, tmp_path):
    copy = MnistTarget(Options(weights=weights_file(tmp_path, tensors()), device="cpu"))
    assert copy.fingerprint() == target.fingerprint()
    changed = tensors()
    changed["fc2.bias"][3] += 1e-3
    other = MnistTarget(Options(weights=weights_file(tmp_path, changed), device="cpu"))
    assert other.fingerprint() != target.fingerprint()


def test_a_network_that_reads_no_digits_fails_the_self_check(tmp_path):
    path = tmp_path / "random.safetensors"
    lenet.save_weights(new_lenet(seed=1), path, {})
    with pytest.raises(TargetError, match=r"random\.safetensors recognised \d+ of 300 real"):
        MnistTarget(Options(weights=path)).self_check()


def test_weights_that_are_not_there_are_refused(tmp_path):
    gone = Options().model_copy(update={"weights": tmp_path / "gone"})
    with pytest.raises(ExperimentError, match=r"weights = .*gone: No such file.*; give"):
        MnistTarget(gone)
    with pytest.raises(ValidationError, match="not point to a file"):
        Options(weights=tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_the_gpu_scores_as_the_cpu_does(target, digits):
    there = MnistTarget(Options(device="cuda"))
    there.self_check()
    np.testing.assert_allclose(there.score(digits).probs, target.score(digits).probs, atol=1e-4)
    assert there.fingerprint() == target.fingerprint()


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


def test_ten_outputs_have_no_class_for_fooling_images():
    assert Options(weights=lenet.PACKAGED).spec().classes == CLASSES[:10]


def test_twelve_outputs_are_refused(tmp_path):
    path = packaged_with(12, tmp_path / "w.safetensors")
    with pytest.raises(TargetError, match=r"fc2.bias.*\[12\].*\[10\]"):
        lenet.load(path)
