"""A kind of models of another package is read, and trusted, as the built-in ones are."""

import numpy as np
import pytest
import torch

import neatfool
from neatfool.config.annotations import Access, annotation_of, reached_by
from neatfool.experiment.trust import reach_of
from neatfool.models import ClassifierFormat, Request, TowerFormat, find_format, load_classifier
from neatfool.plugin.manager import PluginManager

MINE = """
from pathlib import Path

import torch
from torch import nn

import neatfool
from neatfool.models import Classifier, ClassifierFormat, Preprocessing


class Mine(ClassifierFormat):
    forms = ("mine:FILE",)
    path = neatfool.PrefixedPath("mine:", runs_code=RUNS)
    endings = (".mine",)

    def known(self):
        return ["mine:seldom"]

    def classifier(self, name, request):
        if request.size is None:
            raise ValueError("choose a size")
        side = request.size
        weights = torch.tensor([float(each) for each in Path(name).read_text().split()])
        module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 3))
        with torch.no_grad():
            module[2].weight.copy_(weights[:, None])
            module[2].bias.zero_()
        shown = Preprocessing(side, side, side, (0.0,), (255.0,), channels=1)
        return Classifier(request.model, module.eval(), shown, 3, ("a", "b", "c"), name)


@neatfool.hookimpl
def neatfool_register_models(register):
    register("mine", Mine)
"""
EXPERIMENT = """
[experiment]
images = 20

[target]
plugin = imagenet
model = mine:net.txt
size = 6
"""


@pytest.fixture(params=[False, True], ids=["data", "code"])
def runs_code(request, distribute):
    code = MINE.replace("RUNS", str(request.param))
    modules = {"kinds/__init__": "", "kinds/mine": code}
    distribute("world", {"model.*": "kinds"}, modules)
    return request.param


@pytest.fixture
def experiment(tmp_path):
    file = tmp_path / "mine.ini"
    file.write_text(EXPERIMENT)
    (tmp_path / "net.txt").write_text("3 0 -3")
    return file


@pytest.mark.usefixtures("runs_code")
def test_a_target_reads_a_model_of_another_package_beside_the_experiment(experiment):
    target = neatfool.make_target(experiment)
    white = torch.full((1, 1, 6, 6), 255, dtype=torch.uint8)
    expected = torch.tensor([[3.0, 0, -3]]).softmax(1)
    np.testing.assert_allclose(target.score(white).probs, expected, rtol=1e-5)
    assert target.spec.classes == ("a", "b", "c")


def test_what_reading_it_may_do_is_known_before_it_is_read(runs_code, experiment):
    resolved = neatfool.load_experiment(experiment).resolved()
    uses, never = reach_of(resolved)
    model = f"{str(experiment.with_name('net.txt'))!r}"[1:-1]
    assert any(f"mine:{model}" in line for line in (never if runs_code else uses))
    assert bool(never) == runs_code


def test_trust_asks_the_built_in_kinds_too():
    options = PluginManager().load("target", "imagenet").options
    model_name = annotation_of(options.model_fields["model"])
    for model, reaches in (
        ("export:net.pt2", Access.RUNS_CODE),
        ("torchscript:net.pt", Access.RUNS_CODE),
        ("onnx:net.onnx", Access.LOADS),
        ("timm:local-dir:folder", Access.LOADS),
        ("timm:resnet50", Access.LOADS),
        ("torchvision:resnet50", Access.LOADS),
        ("nobody:knows", Access.LOADS),
    ):
        assert reached_by(model_name, model) == reaches, model


@pytest.mark.usefixtures("runs_code")
def test_an_error_of_a_reader_names_the_model():
    with pytest.raises(neatfool.ExperimentError, match=r"^\[target\] model = mine:x: choose"):
        load_classifier(Request("mine:x"))


@pytest.mark.usefixtures("runs_code")
@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("seldom", "did you mean 'mine:seldom'"),
        ("mine", "is not a model; use 'mine:FILE'"),
        ("folder/net.mine", "did you mean 'mine:folder/net.mine'"),
        ("hub:x", "use .*'mine:FILE'"),
    ],
)
def test_a_wrong_name_is_told_with_what_packages_offer(model, says):
    with pytest.raises(ValueError, match=says):
        find_format(model, ClassifierFormat)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("net.pt", "torchscript:net.pt"),
        ("a/net.pt2", "export:a/net.pt2"),
        ("NET.ONNX", "onnx:NET.ONNX"),
    ],
)
def test_a_file_is_named_by_its_ending(file, name):
    with pytest.raises(ValueError, match=f"unknown model '{file}'; did you mean '{name}'\\?"):
        find_format(file, ClassifierFormat)


@pytest.mark.usefixtures("runs_code")
def test_a_model_that_gives_classes_is_none_that_gives_vectors():
    with pytest.raises(ValueError, match="unknown model 'mine:x'; use 'onnx:FILE'"):
        find_format("mine:x", TowerFormat)


def test_what_is_no_reader_is_told(distribute):
    code = (
        "import neatfool\n@neatfool.hookimpl\n"
        "def neatfool_register_models(register):\n    register('odd', object)\n"
    )
    distribute("world", {"model.odd": "odd_m"}, {"odd_m": code})
    with pytest.raises(
        neatfool.PluginError, match=r"model 'odd' \(world 1.2, odd_m\): object is no reader"
    ):
        find_format("odd:x", ClassifierFormat)
