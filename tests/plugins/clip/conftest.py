"""Small networks in folders and files."""

import pytest
from towers import save_onnx, save_open_clip, save_vectors

TEXTS = ("cat", "dog", "fish", "house", "tree")


@pytest.fixture(scope="session")
def open_clip_folder(tmp_path_factory):
    return save_open_clip(tmp_path_factory.mktemp("towers") / "open_clip")


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory):
    pytest.importorskip("onnxruntime", reason="pip install 'neatfool[clip]'")
    return save_onnx(tmp_path_factory.mktemp("towers") / "tower.onnx")


@pytest.fixture(scope="session")
def quantised_file(tmp_path_factory):
    pytest.importorskip("onnxruntime", reason="pip install 'neatfool[clip]'")
    return save_onnx(tmp_path_factory.mktemp("towers") / "int8.onnx", quantised=True)


@pytest.fixture(scope="session")
def vectors_file(tmp_path_factory):
    return save_vectors(tmp_path_factory.mktemp("texts") / "texts.safetensors", TEXTS)
