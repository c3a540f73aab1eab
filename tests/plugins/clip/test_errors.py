"""What is wrong with an experiment's texts, vectors or network is said, and what to do."""

import json
import shutil

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from towers import save_onnx, save_vectors

from neatfool import ExperimentError, TargetError
from neatfool.models import formats
from neatfool_plugins.clip import Options
from neatfool_plugins.clip.target import ClipTarget

READS = {"images": "open_clip:ViT-B-32/openai"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"images": "ViT-B-32", "texts": ["a", "b"]}, "use 'onnx:FILE', 'open_clip:NAME/WEIGHTS'"),
        ({"images": "onnx:a", "texts": ["a", "b"]}, "cannot read texts; give their vectors"),
        (READS, "there are no texts"),
        ({**READS, "texts": ["a"]}, "nothing to compete with"),
        ({**READS, "texts": ["a", "b", "a"]}, "texts: has 'a' twice"),
        ({**READS, "texts": ["a", "b"], "against": ["b"]}, "'b' is in 'texts' and in 'against'"),
        ({**READS, "texts": ["a", "b"], "templates": ["a photo"]}, "no place for the text"),
        ({**READS, "texts": ["a", "b"], "size": 224}, "size is for onnx:FILE"),
        ({**READS, "texts": ["a", "b"], "temperature": 0}, "greater than 0"),
        ({**READS, "texts": ["a", "b"], "vector_names": __file__}, "belong to vectors"),
        ({**READS, "vectors": __file__, "templates": ["a {}"]}, "keep one of both"),
        ({**READS, "text": ["a", "b"]}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(given, said):
    with pytest.raises(ValidationError, match=said):
        Options.model_validate(given)


@pytest.mark.parametrize(
    ("images", "package", "extra"),
    [
        ("open_clip:a/b", "open-clip-torch", "clip"),
        ("onnx:a", "onnxruntime", "onnx"),
    ],
)
def test_a_package_that_is_missing_is_named(images, package, extra, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    options = Options(images=images, vectors=__file__)
    with pytest.raises(ExperimentError, match=rf"{package}, which .*'neatfool\[{extra}\]'"):
        ClipTarget(options)


def names_file(folder, *names):
    path = folder / "names.txt"
    path.write_text("\n".join(names), encoding="utf-8")
    return path


def with_vectors(onnx_file, path, **options):
    return ClipTarget(Options(images=f"onnx:{onnx_file}", vectors=path, **options))


def test_a_text_that_is_not_in_the_file_is_named(onnx_file, vectors_file):
    with pytest.raises(ExperimentError, match=r"no text 'catt'; did you mean 'cat'"):
        with_vectors(onnx_file, vectors_file, texts=["catt", "dog"])


def test_texts_need_others_to_compete_with(onnx_file, tmp_path):
    one = save_vectors(tmp_path / "one.safetensors", ("cat",))
    with pytest.raises(ExperimentError, match="no text is left"):
        with_vectors(onnx_file, one)


def test_vectors_of_another_width_are_another_networks(onnx_file, tmp_path):
    path = save_vectors(tmp_path / "texts.safetensors", ("cat", "dog"), width=9)
    with pytest.raises(TargetError, match=r"vectors of 9 numbers, but onnx:.* gives 8"):
        with_vectors(onnx_file, path)


def test_an_npy_file_needs_as_many_different_names(onnx_file, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((3, 8)))
    with pytest.raises(ExperimentError, match=r"no names; give them.*vector_names = FILE"):
        with_vectors(onnx_file, path)
    for names in (("a", "b"), ("a", "b", "b")):
        with pytest.raises(ExperimentError, match=f"has {len(names)} names, 2 of them different"):
            with_vectors(onnx_file, path, vector_names=names_file(tmp_path, *names))


def test_a_file_with_code_in_it_is_not_read(onnx_file, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(TargetError, match="holds no vectors as"):
        with_vectors(onnx_file, path, vector_names=names_file(tmp_path, "a"))
    torch.save({"a": torch.ones(8)}, tmp_path / "texts.pt")
    with pytest.raises(TargetError, match="holds no vectors as"):
        with_vectors(onnx_file, tmp_path / "texts.pt")


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"a": torch.ones(8), "b": torch.ones(2, 8)}, "vectors differ in length"),
        ({"a": torch.ones(8), "b": torch.zeros(8)}, "'b' is no vector with a direction"),
    ],
)
def test_what_is_no_vector_is_refused(tensors, said, onnx_file, tmp_path):
    save_file(tensors, tmp_path / "texts.safetensors")
    with pytest.raises(TargetError, match=said):
        with_vectors(onnx_file, tmp_path / "texts.safetensors")


def test_an_onnx_file_must_exist_and_take_colour_images(onnx_file, vectors_file, tmp_path):
    with pytest.raises(ExperimentError, match=r"images = onnx:.*none\.onnx: No such file"):
        with_vectors(tmp_path / "none.onnx", vectors_file)
    grey = save_onnx(tmp_path / "grey.onnx", channels=1)
    with pytest.raises(ExperimentError, match="give a network of colour images"):
        with_vectors(grey, vectors_file)
    with pytest.raises(ExperimentError, match="size = 64: it takes images of 32x32"):
        with_vectors(onnx_file, vectors_file, size=64)


def test_open_clip_names_what_there_is():
    pytest.importorskip("open_clip", reason="pip install 'neatfool[clip]'")
    for name, said in (
        ("ViT-B-33/openai", "no model 'ViT-B-33'; did you mean .*'ViT-B-32'"),
        ("ViT-B-32/opnai", "no weights 'opnai' for ViT-B-32; did you mean 'openai'"),
        ("ViT-B-32", "give open_clip:ViT-B-32/WEIGHTS"),
        ("hub:a/b", "has no models from 'hub'"),
        ("local-dir:/nowhere", "has no open_clip_config.json"),
    ):
        options = Options(images=f"open_clip:{name}", texts=["a", "b"])
        with pytest.raises(ExperimentError, match=said):
            ClipTarget(options)


def test_only_safetensors_are_read(open_clip_folder, tmp_path):
    pickled = tmp_path / "open_clip"
    shutil.copytree(open_clip_folder, pickled)
    weights = pickled / "open_clip_model.safetensors"
    torch.save({}, pickled / "open_clip_pytorch_model.bin")
    odd = weights.rename(pickled / "odd.safetensors")  # open_clip would load the pickle
    said = r"file that is sure to be loaded before open_clip_pytorch_model\.bin; save one"
    with pytest.raises(ExperimentError, match=said):
        ClipTarget(Options(images=f"open_clip:local-dir:{pickled}", texts=["a", "b"]))
    odd.unlink()
    with pytest.raises(ExperimentError, match=r"has no \.safetensors file"):
        ClipTarget(Options(images=f"open_clip:local-dir:{pickled}", texts=["a", "b"]))


@pytest.mark.parametrize("asked", ["tokenizer", "model"])
def test_no_code_of_an_open_clip_folder_is_run(open_clip_folder, tmp_path, monkeypatch, asked):
    monkeypatch.setattr("builtins.input", lambda _: "y")  # the user would agree to anything
    folder = tmp_path / "open_clip"
    shutil.copytree(open_clip_folder, folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    texts = {
        "tokenizer": {
            "hf_tokenizer_name": "any",
            "tokenizer_kwargs": {"trust_remote_code": True},
        },
        "model": {"hf_model_name": str(folder)},
    }
    config["model_cfg"]["text_cfg"] |= texts[asked]
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    own = {"model": {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}}
    (folder / "config.json").write_text(json.dumps(own.get(asked, {"model_type": "bert"})))
    tokenizer = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(ExperimentError, match=r"code of its own, which neatfool does|tokenizer"):
        ClipTarget(Options(images=f"open_clip:local-dir:{folder}", texts=["a", "b"]))
    assert not (tmp_path / "ran").exists()
