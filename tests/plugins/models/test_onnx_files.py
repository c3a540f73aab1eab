"""ONNX files whose weights are elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from small_networks import FLOATS, SCALED, Small, export_onnx, target

from neatfool import ExperimentError, TargetError

onnx = pytest.importorskip("onnx", reason="pip install 'neatfool[onnx]'")
helper = onnx.helper
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def numbers_in(location: str, name: str = "far") -> onnx.TensorProto:
    """Make a tensor of four floats in another file."""
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def in_a_subgraph(model: onnx.ModelProto, far: onnx.TensorProto) -> None:
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=far)], "inner", [], [])
    model.graph.node.add(op_type="If").attribute.append(helper.make_attribute("then_branch", inner))


def in_a_function(model: onnx.ModelProto, far: onnx.TensorProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=far)
    model.functions.add(name="f", domain="d").node.append(node)


def in_a_sparse_tensor(model: onnx.ModelProto, far: onnx.TensorProto) -> None:
    model.graph.sparse_initializer.add(dims=[9]).values.CopyFrom(far)


def in_an_initializer(model: onnx.ModelProto, far: onnx.TensorProto) -> None:
    model.graph.initializer.append(far)


@pytest.mark.parametrize(
    "put", [in_an_initializer, in_a_subgraph, in_a_function, in_a_sparse_tensor]
)
def test_weight_files_are_found_wherever_a_graph_names_them(tmp_path, put) -> None:
    from neatfool_plugins.models.onnx.weights import weight_files

    (tmp_path / "far.bin").write_bytes(bytes(16))
    model = onnx.ModelProto()
    put(model, numbers_in("far.bin"))
    named = weight_files(tmp_path / "a.onnx", model.SerializeToString())
    assert named == [tmp_path / "far.bin"]


def export_apart(folder: Path, location: str) -> str:
    """Write a network whose weights are in another file."""
    model = onnx.load(export_onnx(Small(), folder / "whole.onnx", FLOATS).removeprefix("onnx:"))
    onnx.save(
        model, folder / "a.onnx", save_as_external_data=True, location=location, size_threshold=0
    )
    return f"onnx:{folder / 'a.onnx'}"


def test_the_fingerprint_has_the_weights_whatever_their_file_is_called(tmp_path) -> None:
    name = export_apart(tmp_path, "weights.bin")
    before = target(name, **SCALED).fingerprint()
    assert target(name, **SCALED).fingerprint() == before
    weights = np.fromfile(tmp_path / "weights.bin", np.float32)
    (weights * 2).tofile(tmp_path / "weights.bin")
    assert target(name, **SCALED).fingerprint() != before


def change_location(folder: Path, location: str) -> str:
    name = export_apart(folder, "weights.bin")
    model = onnx.load(folder / "a.onnx", load_external_data=False)
    for each in model.graph.initializer:
        for entry in each.external_data:
            if entry.key == "location":
                entry.value = location
    (folder / "a.onnx").write_bytes(model.SerializeToString())
    return name


@pytest.mark.parametrize("location", ["../weights.bin", "{}/weights.bin", "link", "pipe", "gone"])
def test_weights_that_are_no_ordinary_file_of_the_folder_are_refused(tmp_path, location) -> None:
    folder = tmp_path / "network"
    folder.mkdir()
    name = change_location(folder, location.format(folder))
    for place in (tmp_path / "weights.bin", folder / "link"):
        place.symlink_to(folder / "weights.bin")
    os.mkfifo(folder / "pipe")
    with pytest.raises(TargetError, match=r"a\.onnx: keeps weights in .*, which is no ordinary"):
        target(name)


@pytest.mark.parametrize("kind", ["onnx", "tflite", "torchscript", "export"])
def test_a_pipe_is_no_model(tmp_path, kind) -> None:
    os.mkfifo(tmp_path / "pipe.pt2")
    with pytest.raises(ExperimentError, match=r"pipe\.pt2: is no ordinary file; give the path"):
        target(f"{kind}:{tmp_path / 'pipe.pt2'}", size=16)
