"""Networks of transformers score as transformers' own processor and model do."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from neatfool import ExperimentError, TargetError, fit_photograph, load_experiment
from neatfool.models import PHOTOGRAPHS, photographs_showing
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

transformers = pytest.importorskip("transformers", reason="pip install 'neatfool[transformers]'")

NAMES = ("cat", "dog, hound", "bus", "star", "leaf")
LABELS = {"id2label": dict(enumerate(NAMES)), "num_labels": len(NAMES)}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def vit(**options):
    config = transformers.ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        **{**LABELS, **options},
    )
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    return transformers.ViTForImageClassification(config), processor


def grey_vit():
    model, _ = vit(num_channels=1)
    size = {"height": 32, "width": 32}
    return model, transformers.ViTImageProcessor(size=size, image_mean=[0.4], image_std=[0.2])


def convnext():
    config = transformers.ConvNextConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=64, **LABELS
    )
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 64}, **IMAGENET)
    return transformers.ConvNextForImageClassification(config), processor


def swin():
    config = transformers.SwinConfig(
        image_size=56, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], **LABELS
    )
    processor = transformers.ViTImageProcessor(
        size={"height": 56, "width": 56}, resample=3, **IMAGENET
    )
    return transformers.SwinForImageClassification(config), processor


def resnet():
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **LABELS
    )
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}
    )
    return transformers.ResNetForImageClassification(config), processor


MADE = {"vit": vit, "grey vit": grey_vit, "convnext": convnext, "swin": swin, "resnet": resnet}


def save(folder, made):
    torch.manual_seed(0)
    model, processor = made()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def target(folder, **options):
    return ImageNetTarget(Options(model=f"transformers:{folder}", device="cpu", **options))


def theirs(folder, images, **options):
    """Score images as transformers' own pipeline does."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        inputs = processor(images=images, return_tensors="pt", **options)
        return model(pixel_values=inputs["pixel_values"]).logits.softmax(-1).numpy()


@pytest.mark.parametrize("name", MADE)
def test_images_and_photographs_score_as_by_transformers_itself(tmp_path, name):
    folder = save(tmp_path / "model", MADE[name])
    made = target(folder)
    mode = "L" if made.spec.channels == 1 else "RGB"
    photographs = [each.open().convert(mode) for each in PHOTOGRAPHS]
    photographs.append(photographs[0].resize((410, 290)))
    prepared = torch.cat([fit_photograph(each, made) for each in photographs])
    np.testing.assert_allclose(
        made.score(prepared).probs, theirs(folder, photographs), rtol=0, atol=1e-5
    )
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (5, *made.spec.shape), generator=generator, dtype=torch.uint8)
    images = [Image.fromarray(each.permute(1, 2, 0).squeeze(-1).numpy()) for each in noise]
    # An image is drawn as the network sees it, so it is neither resized nor cropped.
    expected = theirs(folder, images, do_resize=False, do_center_crop=False)
    np.testing.assert_allclose(made.score(noise).probs, expected, rtol=0, atol=1e-5)
    assert made.spec.classes == NAMES


def test_gradients_reach_the_pixels(tmp_path):
    made = target(save(tmp_path / "model", vit))
    images = torch.full((2, 3, 32, 32), 100.0, requires_grad=True)
    made.logits_of(images)[:, 0].sum().backward()
    assert images.grad.abs().max() > 0


def test_the_fingerprint_changes_with_the_weights_and_the_scaling(tmp_path):
    before = target(save(tmp_path / "model", vit)).fingerprint()
    assert target(tmp_path / "model").fingerprint() == before
    edited = json.loads((tmp_path / "model" / "preprocessor_config.json").read_text())
    edited["image_std"] = [0.25, 0.5, 0.5]
    (tmp_path / "model" / "preprocessor_config.json").write_text(json.dumps(edited))
    rescaled = target(tmp_path / "model").fingerprint()
    model = transformers.AutoModelForImageClassification.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        model.classifier.bias[0] += 1
    model.save_pretrained(tmp_path / "model")
    assert len({before, rescaled, target(tmp_path / "model").fingerprint()}) == 3


def test_how_it_looks_at_images_is_said(tmp_path):
    said = target(save(tmp_path / "model", convnext)).describe()
    assert "images of 64x64 pixels, scaled (x - [123.675, 116.28, 103.53]) / [58.395" in said
    assert "photographs: as the network's library prepares them\n" in said


def test_classes_that_nobody_named_have_numbers(tmp_path):
    made = target(save(tmp_path / "model", lambda: vit(id2label=None, num_labels=4)))
    assert made.spec.classes == ("0", "1", "2", "3")


def test_photographs_are_found_under_the_hubs_names_of_classes():
    names = ("tabby, tabby cat", "espresso", "suit, suit of clothes")
    found = {each.name: right for each, right in photographs_showing(names).items()}
    assert found == {"cat": {0}, "coffee": {1}, "uniform": {2}}


def test_a_folder_is_relative_to_the_experiment_and_a_name_is_not(tmp_path):
    save(tmp_path / "model", vit)
    file = tmp_path / "fool.ini"
    file.write_text(
        "[experiment]\nimages = 10\n[target]\nplugin = imagenet\nmodel = transformers:X"
    )
    for given, read in [
        ("model", f"{tmp_path / 'model'}"),
        ("./gone", f"{tmp_path / 'gone'}"),
        ("google/vit-base-patch16-224", "google/vit-base-patch16-224"),
    ]:
        file.write_text(file.read_text().rpartition(":")[0] + f":{given}")
        experiment = load_experiment(file)
        assert experiment.target.options.model == f"transformers:{read}"


# What it refuses


def test_a_pickle_is_not_read(tmp_path):
    save(tmp_path / "model", vit)
    (tmp_path / "model" / "model.safetensors").unlink()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    with pytest.raises(TargetError, match="neither pickles nor code"):
        target(tmp_path / "model")


def test_code_in_a_folder_is_not_run(tmp_path):
    save(tmp_path / "model", vit)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config"}}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    (tmp_path / "model" / "code.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(TargetError, match="neither pickles nor code"):
        target(tmp_path / "model")


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_attention_is_not_computed_by_code_that_a_folder_names(tmp_path, key):
    folder = save(tmp_path / "model", vit)
    before = target(folder).score(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: "someone/kernel"}))
    after = target(folder).score(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    np.testing.assert_array_equal(after.logits, before.logits)


def test_without_a_processor_it_is_said_what_is_missing(tmp_path):
    save(tmp_path / "model", vit)
    (tmp_path / "model" / "preprocessor_config.json").unlink()
    with pytest.raises(TargetError, match="Can't load image processor"):
        target(tmp_path / "model")


def test_a_network_without_a_trained_last_layer_is_refused(tmp_path):
    torch.manual_seed(0)
    model, processor = vit()
    model.vit.save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    with pytest.raises(TargetError, match=r"its weights lack classifier.bias, classifier.weight"):
        target(tmp_path / "model")


def test_a_processor_without_one_size_is_refused(tmp_path):
    def wide():
        return vit()[0], transformers.CLIPImageProcessor(
            size={"shortest_edge": 32}, do_center_crop=False
        )

    with pytest.raises(ExperimentError, match="does not bring photographs to one size"):
        target(save(tmp_path / "model", wide))


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(ExperimentError, match="there is no such folder; give one that"):
        target(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TargetError, match=r"its config.json"):
        target(tmp_path / "empty")


def test_a_name_that_cannot_be_fetched_is_told(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(TargetError, match=r"nobody/nothing: cannot be loaded .*hf download"):
        target("nobody/nothing")


def test_weights_of_another_file_are_refused(tmp_path):
    save(tmp_path / "model", vit)
    with pytest.raises(ExperimentError, match="leave 'weights' out"):
        target(tmp_path / "model", weights=tmp_path / "model" / "model.safetensors")
