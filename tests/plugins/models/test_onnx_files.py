"""ONNX files whose weights are elsewhere, or that never end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_networks
from small_networks import FLOATS, SCALED, Small, export_onnx, target

from neatfool import ExperimentError, TargetError

onnx = pytest.importorskip("onnx", reason="pip install 'neatfool[onnx]'")
helper = onnx.helper
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def numbers_in(location, name="far"):
    """Make a tensor of four floats in another file."""
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def in_a_subgraph(model, far):
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=far)], "inner", [], [])
    model.graph.node.add(op_type="If").attribute.append(helper.make_attribute("then_branch", inner))


def in_a_function(model, far):
    node = helper.make_node("Constant", [], ["c"], value=far)
    model.functions.add(name="f", domain="d").node.append(node)


def in_a_sparse_tensor(model, far):
    model.graph.sparse_initializer.add(dims=[9]).values.CopyFrom(far)


def in_an_initializer(model, far):
    model.graph.initializer.append(far)


@pytest.mark.parametrize(
    "put", [in_an_initializer, in_a_subgraph, in_a_function, in_a_sparse_tensor]
)
def test_weight_files_are_found_wherever_a_graph_names_them(tmp_path, put):
    from neatfool_plugins.models.onnx import weight_files

    (tmp_path / "far.bin").write_bytes(bytes(16))
    model = onnx.ModelProto()
    put(model, numbers_in("far.bin"))
    named = weight_files(tmp_path / "a.onnx", model.SerializeToString())
    assert named == [tmp_path / "far.bin"]


def export_apart(folder, location):
    """Write a network whose weights are in another file."""
    model = onnx.load(export_onnx(Small(), folder / "whole.onnx", FLOATS).removeprefix("onnx:"))
    onnx.save(
        model, folder / "a.onnx", save_as_external_data=True, location=location, size_threshold=0
    )
    return f"onnx:{folder / 'a.onnx'}"


def test_the_fingerprint_has_the_weights_whatever_their_file_is_called(tmp_path):
    name = export_apart(tmp_path, "weights.bin")
    before = target(name, **SCALED).fingerprint()
    assert target(name, **SCALED).fingerprint() == before
    weights = np.fromfile(tmp_path / "weights.bin", np.float32)
    (weights * 2).tofile(tmp_path / "weights.bin")
    assert target(name, **SCALED).fingerprint() != before


def change_location(folder, location):
    name = export_apart(folder, "weights.bin")
    model = onnx.load(folder / "a.onnx", load_external_data=False)
    for each in model.graph.initializer:
        for entry in each.external_data:
            if entry.key == "location":
                entry.value = location
    (folder / "a.onnx").write_bytes(model.SerializeToString())
    return name


@pytest.mark.parametrize("location", ["../weights.bin", "{}/weights.bin", "link", "pipe", "gone"])
def test_weights_that_are_no_ordinary_file_of_the_folder_are_refused(tmp_path, location):
    folder = tmp_path / "network"
    folder.mkdir()
    name = change_location(folder, location.format(folder))
    for place in (tmp_path / "weights.bin", folder / "link"):
        place.symlink_to(folder / "weights.bin")
    os.mkfifo(folder / "pipe")
    with pytest.raises(TargetError, match=r"a\.onnx: keeps weights in .*, which is no ordinary"):
        target(name)


@pytest.mark.parametrize("kind", ["onnx", "tflite", "torchscript", "export"])
def test_a_pipe_is_no_model(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe.pt2")
    with pytest.raises(ExperimentError, match=r"pipe\.pt2: is no ordinary file; give the path"):
        target(f"{kind}:{tmp_path / 'pipe.pt2'}", size=16)


def write_endless(path, operations):
    """Write a network with a loop that ends never, of so many operations."""
    kinds = {"i": onnx.TensorProto.INT64, "on": onnx.TensorProto.BOOL, "v": onnx.TensorProto.FLOAT}
    given = [helper.make_tensor_value_info(name, kind, []) for name, kind in kinds.items()]
    given[2].type.tensor_type.ClearField("shape")
    last = [f"{name}{len(operations)}" if operations else name for name in ("on", "v")]
    nodes = [
        helper.make_node(operation, [f"{name}{number or ''}"], [f"{name}{number + 1}"])
        for number, operation in enumerate(operations)
        for name in ("on", "v")
    ]
    made = [helper.make_tensor_value_info(name, kinds[name.rstrip("1")], []) for name in last]
    made[1].type.tensor_type.ClearField("shape")
    body = helper.make_graph(nodes, "body", given, made)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Loop", ["", "true", "flat"], ["y"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3])],
        [onnx.numpy_helper.from_array(np.array(True), "true")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return f"onnx:{path}"


GIVE_UP = """
import sys
from neatfool_plugins.models import onnx
onnx.SECONDS_TO_ANSWER = 0.5
from small_networks import SCALED, target
target(sys.argv[1], **SCALED)
"""


@pytest.mark.parametrize("operations", [["Identity"], []])
def test_a_loop_that_never_ends_is_given_up_and_does_not_hold_the_process(tmp_path, operations):
    name = write_endless(tmp_path / "endless.onnx", operations)
    command = [sys.executable, "-W", "ignore", "-c", GIVE_UP, name]
    environment = {**os.environ, "PYTHONPATH": str(Path(small_networks.__file__).parent)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "endless.onnx: has a loop, and gave no answer to a batch in 0" in done.stderr
    assert done.returncode == 1
