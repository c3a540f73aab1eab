"""``neatfool retrain`` on ImageNet: a row for "fooling", and nothing else, is learnt."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from commands import neatfool
from PIL import Image

from neatfool import ExperimentError
from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.photographs import PHOTOGRAPHS
from neatfool_plugins.imagenet.target import ImageNetTarget
from neatfool_plugins.retrain.extra_row import ExtraRow

EXPERIMENT = """\
[experiment]
name = two
images = 48
seed = 1
[target]
plugin = imagenet
device = cpu
[encoding]
plugin = cppn
preset = patterns
blur = 0
[scheme]
plugin = map_elites
batch = 16
initial = 32
classes = volcano, jellyfish
"""


@pytest.mark.parametrize("options", [{"crops": "ten"}, {"model": "torchvision:resnet18"}])
def test_networks_without_a_row_to_add_are_refused(options):
    with pytest.raises(ExperimentError, match="efficientnet-lite0, -lite1 and -lite2 with crops"):
        ExtraRow(Options(**options), None)


@pytest.mark.slow
def test_the_new_class_is_learnt_and_the_others_stay_as_they_were(tmp_path):
    file, out = tmp_path / "two.ini", tmp_path / "out"
    file.write_text(EXPERIMENT)
    arguments = ("retrain", file, "--out", out, "--first-images", 24, "--json")
    result = neatfool(*arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    before, after = told["rounds"]
    assert before["real_images_named"] == after["real_images_named"] == len(PHOTOGRAPHS)
    assert before["accuracy"] >= after["accuracy"] > 0
    assert after["fooling_images"] == 24
    assert after["false_alarms"] is not None
    assert after["median"] < before["median"]
    assert [*after["searches"][0]["classes"]] == ["jellyfish", "volcano"]

    old = ImageNetTarget(Options(device="cpu"))
    folder = out / "round-02"
    new = ImageNetTarget(
        Options(
            device="cpu",
            weights=folder / "network.safetensors",
            class_names=folder / "classes.txt",
        )
    )
    assert new.spec.classes == (*old.spec.classes, "fooling")
    saved = sorted((out / "round-01" / "search-1" / "images").glob("*.png"))
    images = np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in saved])
    scores = new.score(torch.from_numpy(images))
    expected = old.score(torch.from_numpy(images)).logits
    np.testing.assert_allclose(scores.logits[:, :1000], expected, atol=1e-3)
    assert (scores.probs.argmax(1) == 1000).all()

    network = (folder / "network.safetensors").read_bytes()
    (folder / "network.safetensors").unlink()
    assert json.loads(neatfool(*arguments).stdout) == told
    assert (folder / "network.safetensors").read_bytes() == network
