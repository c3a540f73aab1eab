"""Small networks that compare images with texts, with random weights, saved as people save them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

SIDE = 32


def save_open_clip(folder: Path) -> Path:
    """Save an open_clip model."""
    open_clip = pytest.importorskip("open_clip", reason="pip install 'neatfool[clip]'")
    config = {
        "model_cfg": {
            "embed_dim": 16,
            "vision_cfg": {
                "image_size": SIDE,
                "layers": 1,
                "width": 16,
                "head_width": 8,
                "patch_size": 8,
            },
            "text_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1},
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.4, 0.3],
            "std": [0.2, 0.25, 0.3],
            "interpolation": "bilinear",
        },
    }
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**config["model_cfg"])
    save_file(
        {name: value.clone() for name, value in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return folder


def save_onnx(path: Path, *, width: int = 8, channels: int = 3, quantised: bool = False) -> Path:
    """Save an ONNX file with a convolution and two matrices, perhaps dynamically quantised."""
    onnx = pytest.importorskip("onnx", reason="pip install 'neatfool[clip]'")
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)

    def weights(name: str, *shape: int):
        values = draw.normal(size=shape) / np.sqrt(
            np.prod(shape[1:]) if len(shape) > 2 else shape[0]
        )
        return numpy_helper.from_array(values.astype(np.float32), name)

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "filters"], ["patches"], strides=[8, 8]),
            helper.make_node("Relu", ["patches"], ["positive"]),
            helper.make_node("Flatten", ["positive"], ["flat"]),
            helper.make_node("MatMul", ["flat", "first"], ["hidden"]),
            helper.make_node("Tanh", ["hidden"], ["bounded"]),
            helper.make_node("MatMul", ["bounded", "second"], ["vectors"]),
        ],
        "tower",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, SIDE, SIDE])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", width])],
        [
            weights("filters", 6, channels, 8, 8),
            weights("first", 6 * (SIDE // 8) ** 2, 24),
            weights("second", 24, width),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    if quantised:
        quantization = pytest.importorskip("onnxruntime.quantization")
        whole = path.with_name(f"floats-{path.name}")
        path.rename(whole)
        quantization.quantize_dynamic(whole, path)
    return path


def save_vectors(path: Path, names: tuple[str, ...], width: int = 8) -> Path:
    """Save a random vector for each name, as safetensors."""
    draw = np.random.default_rng(1)
    save_file(
        {name: torch.from_numpy(draw.normal(size=width).astype(np.float32)) for name in names}, path
    )
    return path
